"""Short transactions over many rows."""

from jobs.store.paging import LARGEST_PAGE, next_page


def test_the_next_page_takes_a_tenth_of_a_second() -> None:
    assert next_page(100, 0.1) == 100
    assert next_page(100, 0.05) == 200
    assert next_page(100, 0.0) == 400
    assert next_page(100, 60) == 25
    assert next_page(1, 60) == 1
    assert next_page(LARGEST_PAGE, 0.0) == LARGEST_PAGE
