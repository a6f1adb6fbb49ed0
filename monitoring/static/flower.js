// What Flower's page of workers has within itself: how many seconds between two looks.
var autorefresh = 2;
