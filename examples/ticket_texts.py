"""Support tickets made from a small phrase grammar, each with its right triage.

A ticket is a matter (its topic), said in one of many ways about some thing, and a word about time
(its urgency). What the example tickets speak of (things, names, places, figures) never occurs in
the training tickets, and a test holds the two apart: no six words in a row are shared.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

TOPICS = ("billing", "login", "shipping", "bug", "cancel")
URGENCIES = ("low", "normal", "high")

_SIX = 6


@dataclass(frozen=True)
class Ticket:
    """What somebody wrote, and how it should be sorted."""

    text: str
    topic: str
    urgency: str


@dataclass(frozen=True)
class Words:
    """What the slots of the grammar are filled with."""

    thing: tuple[str, ...]
    name: tuple[str, ...]
    place: tuple[str, ...]
    app: tuple[str, ...]
    who: tuple[str, ...]
    day: tuple[str, ...]
    page: tuple[str, ...]
    number: tuple[int, int]
    #: How often a slot gets a word that nobody has heard, so that what a ticket is about has to
    #: be told by all the other words.
    invented: float = 0.0


TRAINING_WORDS = Words(
    thing=tuple(
        "blender,headphones,desk lamp,rain jacket,coffee machine,backpack,toaster,keyboard,"
        "running shoes,yoga mat,tea kettle,camera,monitor,office chair,phone case,water bottle,"
        "bread maker,air pump,winter coat,guitar strings,board game,hair dryer,sleeping bag,"
        "drill,bookshelf,pillow,frying pan,garden hose,speaker,watch strap".split(",")
    ),
    name=tuple(
        "Anna,Ben,Carla,David,Elif,Frank,Grace,Hugo,Ines,Jonas,Karin,Leo,Maria,Nils,Olga,Paul,"
        "Rosa,Sam,Tina,Viktor,Wendy,Yusuf,Zoe,Marta,Igor,Lena".split(",")
    ),
    place=tuple(
        "Berlin,Lyon,Porto,Leeds,Ghent,Turin,Malmo,Graz,Brno,Cork,Oslo,Basel,Gdansk,Seville,"
        "Nantes,Utrecht".split(",")
    ),
    app=tuple(
        "mobile app,web shop,calendar,reader,photo editor,budget planner,chat window,"
        "training diary,mail client,music player,map view,task list,export tool".split(",")
    ),
    who=tuple(
        "my sister,my boss,our accountant,my neighbour,a colleague,my husband,our intern,"
        "my mother,a friend,our team lead,my daughter,the new trainee".split(",")
    ),
    day=tuple("Monday,Tuesday,Thursday,Saturday,Christmas,the first of May,March".split(",")),
    page=tuple("start page,overview,settings page,summary,basket,profile page,report".split(",")),
    number=(1000, 5999),
    invented=0.4,
)
EXAMPLE_WORDS = Words(
    thing=tuple(
        "waffle iron,tent,fountain pen,bicycle pump,rice cooker,violin case,wool blanket,"
        "standing desk,hiking boots,alarm clock,microscope,espresso cups,paint set,chess board,"
        "picture frame,snow shovel,baby monitor,lunch box,telescope,wall clock".split(",")
    ),
    name=tuple(
        "Ayla,Bruno,Chiara,Dmitri,Esther,Farid,Greta,Henrik,Imani,Jakub,Kofi,Lucia,Milan,Nadia,"
        "Oskar,Petra,Quentin,Rahel,Stefan,Thea,Ursula,Vera,Walter,Xenia".split(",")
    ),
    place=tuple("Krakow,Bergen,Siena,Aarhus,Tampere,Bilbao,Linz,Galway,Rouen,Split".split(",")),
    app=tuple(
        "recipe book,garden planner,vocabulary box,star chart,sleep tracker,"
        "drawing board,seating plan,voice recorder".split(",")
    ),
    who=tuple(
        "my landlord,our trainer,my cousin,the caretaker,my grandson,our librarian,"
        "my flatmate,the choir director".split(",")
    ),
    day=tuple("Wednesday,Friday,Sunday,the tenth of June,Easter,October".split(",")),
    page=tuple("dashboard,history,wish list,front page,archive,contact form".split(",")),
    number=(6000, 9999),
)

_MATTERS: dict[str, tuple[str, ...]] = {
    "billing": (
        "{I_was} {charged} for the {thing}.",
        "The {bill} for the {thing} is {wrong_sum}.",
        "{Bill} {number} {shows} the {thing} {two_times}.",
        "My card was {charged} for one {thing}.",
        "{On} {day} you {took} {small} euros {too_much} for the {thing}.",
        "The {bill} {number} {lacks} {who}'s VAT number.",
        "{Who} says the {bill} {number} {lacks} our address.",
        "{Why} does {bill} {number} list {small} {things_fee}?",
        "The discount on the {thing} {missing} on {bill} {number}.",
        "{Please} send {bill} {number} to {who} {again}.",
    ),
    "login": (
        "{I} {cannot} {sign_in} to the {app}.",
        "Since {day} the {app} {rejects} my password.",
        "{Who} {cannot} {sign_in} to the {app}.",
        "The {code} for the {app} {never_comes}.",
        "My account {number} is {locked} since {day}.",
        "The {app} {asks} a {code} that {who} has.",
        "{I} {forgot} the password {of} the {app}.",
        "The {reset} mail for account {number} {never_comes}.",
        "{Who} changed phones, and now the {code} {never_comes}.",
        "{Please} {unlock} {who}'s account {number}.",
    ),
    "shipping": (
        "The {thing} {not_here} in {place}.",
        "Parcel {number} {stuck} in {place} since {day}.",
        "{Where} is my {thing}? {Tracking} {number} says {place}.",
        "The {courier} left the {thing} {with} {who}.",
        "The {courier} took parcel {number} to {place}.",
        "The {thing} for {who} {not_here}.",
        "{Please} {redirect} parcel {number} to {place}.",
        "{Tracking} {number} {silent} since {day}.",
        "The box with the {thing} came {crushed} in {place}.",
        "{Can} parcel {number} go to {who} in {place}?",
    ),
    "bug": (
        "The {app} {crashes} {when} {i_open} the {page}.",
        "The {page} {of} the {app} {stays_blank}.",
        "Since {day} the {app} {crashes} on start.",
        "The {app} shows error {number} on the {page}.",
        "The {button} on the {page} {does_nothing}.",
        "{Who} sees error {number} {when} the {app} starts.",
        "The {app} {freezes} {when} {who} opens the {page}.",
        "{When} {i_open} the {page}, the {app} {freezes}.",
        "The {page} {mixes_up} the dates since {day}.",
        "Error {number} {pops_up} in the {app} {again}.",
    ),
    "cancel": (
        "{Please} {end_it} my {plan} for the {app}.",
        "{I_want} to {end_it} the {app} {plan}.",
        "{Who} no longer needs the {app} {plan}.",
        "{Please} {end_it} order {number} for the {thing}.",
        "{I_want} to {end_it} order {number}.",
        "{How} do I {end_it} the {plan} {of} {who}?",
        "{Please} close account {number} {of} {who} for good.",
        "We {moved_away} to {place}, so {end_it} our {plan}.",
        "{I_want} out of the {app} {plan}.",
        "{Who} {signed_up} by mistake on {day}: {end_it} the {plan}.",
    ),
}

_TIMES: dict[str, tuple[str, ...]] = {
    "high": (
        "This is {very} urgent.",
        "{Please} {act} {at_once}!",
        "I need {it} {solved} {today}.",
        "{Everything} {stands_still} until {it} is {solved}.",
        "My {deadline} is {today}!",
        "{At_once}, please: {we_lose} money every hour.",
        "It {cannot_wait}, {who} needs {it} {today}.",
        "{Who} is {furious}, so {act} {at_once}.",
        "ASAP please, {we_lose} customers.",
    ),
    "low": (
        "{No_hurry} {at_all}.",
        "{Just_asking}, {no_hurry}.",
        "{Whenever} you {have_time}.",
        "It is {only_small}, {no_hurry}.",
        "It {can_wait} {for_weeks}.",
        "{Next_month} is {early_enough}.",
        "{Only_small_cap}, so {whenever} you {have_time}.",
        "It {does_not_bother} {me}, it {can_wait}.",
        "{Who} {does_not_mind} waiting {for_weeks}.",
    ),
    "normal": (
        "{Please} {look_into} {it} {this_week}.",
        "{An_answer} {this_week} would {be_nice}.",
        "{Can} you {look_into} {it} {this_week}?",
        "{I_expect} {an_answer} {in_days}.",
        "{Please} {write_back} {in_days}.",
        "{Who} {expects} {an_answer} {in_days}.",
        "{In_days} {is_fine}, {please}.",
        "{Usual_time} {is_fine}.",
        "{Please} {look_into} {it} in the {usual_order}.",
    ),
}

_PHRASES: dict[str, tuple[str, ...]] = {
    "I_was": ("I was", "We were", "I have been", "Once more I was", "It seems I was"),
    "charged": ("charged twice", "billed twice", "debited two times", "charged too much"),
    "bill": ("invoice", "bill", "receipt"),
    "Bill": ("Invoice", "Bill", "Receipt"),
    "wrong_sum": ("too high", "wrong", "off by {small} euros", "more than agreed"),
    "shows": ("shows", "lists", "charges", "counts"),
    "two_times": ("twice", "two times", "double"),
    "On": ("On", "Around", "Since"),
    "took": ("took", "charged", "debited"),
    "too_much": ("too much", "extra", "more than agreed"),
    "lacks": ("lacks", "is missing", "does not show"),
    "Why": ("Why", "For what reason", "How come, why"),
    "things_fee": ("euros of fees", "extra fees", "euros I never agreed to"),
    "missing": ("is missing", "does not appear", "was forgotten"),
    "Please": ("Please", "Could you please", "Kindly", "I ask you to please"),
    "please": ("thanks", "thank you", "if possible"),
    "again": ("again", "once more"),
    "I": ("I", "We", "Sadly I", "Somehow I", "For days I"),
    "cannot": ("cannot", "can not", "could not", "am unable to"),
    "sign_in": ("log in", "sign in", "get in"),
    "rejects": ("rejects", "refuses", "does not accept"),
    "code": ("login code", "sign-in code", "two-factor code"),
    "never_comes": ("never arrives", "does not come", "is not sent"),
    "locked": ("locked", "blocked", "shut out"),
    "asks": ("asks for", "wants", "demands"),
    "forgot": ("forgot", "lost", "do not remember"),
    "of": ("of", "for"),
    "reset": ("password reset", "reset", "confirmation"),
    "unlock": ("unlock", "unblock", "restore access to"),
    "not_here": ("has not arrived", "did not come", "never showed up", "is still not delivered"),
    "stuck": ("is stuck", "has been sitting", "hangs"),
    "Where": ("Where", "So where", "Can you tell me where"),
    "Tracking": ("Tracking", "The tracking", "Shipment"),
    "courier": ("courier", "driver", "delivery man", "postman"),
    "with": ("with", "in front of", "at the door of"),
    "redirect": ("redirect", "forward", "send"),
    "silent": ("has not moved", "shows nothing new", "stands still"),
    "crushed": ("crushed", "open", "soaked", "dented"),
    "Can": ("Can", "Could", "Would it be possible, can"),
    "crashes": ("crashes", "closes itself", "quits"),
    "freezes": ("freezes", "hangs", "stops responding"),
    "when": ("when", "whenever", "as soon as"),
    "When": ("When", "Whenever", "As soon as"),
    "i_open": ("I open", "we open", "I click", "I reload"),
    "stays_blank": ("stays blank", "is empty", "does not load", "shows garbage"),
    "button": ("save button", "print button", "search field", "menu"),
    "does_nothing": ("does nothing", "is dead", "has stopped working"),
    "mixes_up": ("mixes up", "swaps", "garbles"),
    "pops_up": ("pops up", "appears", "comes up"),
    "end_it": ("cancel", "terminate", "end"),
    "plan": ("subscription", "plan", "membership"),
    "I_want": ("I want", "We want", "I would like", "We have decided"),
    "How": ("How", "Tell me, how", "Where and how"),
    "moved_away": ("moved", "are moving", "move soon"),
    "signed_up": ("signed up", "subscribed", "registered"),
    "very": ("very", "extremely", "really", "terribly"),
    "act": ("help", "act", "fix {it}", "sort {it} out"),
    "at_once": ("at once", "right now", "immediately", "this minute"),
    "At_once": ("At once", "Right now", "Immediately"),
    "it": ("it", "this", "that"),
    "solved": ("solved", "fixed", "sorted out"),
    "today": ("today", "tonight", "within the hour", "before noon"),
    "Everything": ("Everything", "Our whole office", "My work", "The shop"),
    "stands_still": ("stands still", "is blocked", "is on hold"),
    "deadline": ("deadline", "flight", "exam", "presentation"),
    "we_lose": ("we lose", "I lose", "we are losing"),
    "cannot_wait": ("cannot wait", "must not wait", "is an emergency"),
    "furious": ("furious", "desperate", "in panic"),
    "No_hurry": ("No hurry", "No rush", "There is no hurry", "Not urgent"),
    "no_hurry": ("no hurry", "no rush", "not urgent"),
    "at_all": ("at all", "whatsoever", "from my side"),
    "Just_asking": ("Just asking", "Just curious", "Only wondering"),
    "Whenever": ("Whenever", "Some day when", "One day, when"),
    "whenever": ("whenever", "some day when"),
    "have_time": ("have time", "find the time", "get around to it"),
    "only_small": ("only a detail", "a small thing", "a trifle", "nothing dramatic"),
    "Only_small_cap": ("Only a detail", "A small thing", "A trifle", "Nothing dramatic"),
    "can_wait": ("can wait", "may wait", "has time"),
    "for_weeks": ("for weeks", "a month", "as long as needed"),
    "Next_month": ("Next month", "Some time next year", "Any time later"),
    "early_enough": ("early enough", "soon enough", "perfectly fine"),
    "does_not_bother": ("does not bother", "hardly bothers", "does not hurt"),
    "does_not_mind": ("does not mind", "is fine with", "is relaxed about"),
    "me": ("me", "us", "anybody"),
    "look_into": ("look into", "check", "take care of"),
    "this_week": ("this week", "in the coming days", "by the end of the week"),
    "An_answer": ("An answer", "A reply", "Your reply"),
    "an_answer": ("an answer", "a reply", "your reply"),
    "be_nice": ("be nice", "be good", "help {me}"),
    "I_expect": ("I expect", "We expect", "I hope for"),
    "expects": ("expects", "hopes for", "awaits"),
    "in_days": ("in a few days", "within three days", "in two or three days", "by next week"),
    "In_days": ("In a few days", "Within three days", "By next week"),
    "is_fine": ("is fine", "will do", "is okay"),
    "Usual_time": ("The usual time", "Your normal pace", "The ordinary queue"),
    "usual_order": ("usual order", "normal order", "ordinary course"),
    "write_back": ("write back", "reply", "answer"),
}
_GREETINGS = ("Hello, ", "Hi, ", "Hi team, ", "Good morning, ", "Dear support, ", "Hey there, ")
_CLOSINGS = (" Thanks, {name}", " Best, {name}", " Regards, {name}", " {name}", " Yours, {name}")
_SYLLABLES = tuple(
    "ba,ber,bo,ca,chi,con,da,de,di,do,el,en,fa,fer,fi,ga,gra,gu,ha,in,ja,ka,la,lan,le,li,lo,ma,"
    "mar,me,mi,mo,na,ne,nor,o,or,pa,per,pi,po,qu,ra,re,ri,ro,sa,se,ser,si,so,sta,ta,te,ti,to,tra,"
    "u,un,va,ve,vi,wa,wi,xe,ya,za,ing,er,th,ck,st,nd,ght,sh".split(",")
)
_SLOT = re.compile(r"\{(\w+)\}")


def training_tickets(seed: int, count: int) -> list[Ticket]:
    """Different tickets to learn from, in random order."""
    rng = random.Random(seed)
    return _distinct(iter(lambda: _ticket(rng, TRAINING_WORDS, *_any_label(rng)), None), count)


def example_tickets(seed: int, count: int, training: Iterable[Ticket]) -> list[Ticket]:
    """Tickets to try the model on: labels balanced, no six words in a row as in `training`."""
    rng = random.Random(seed)
    seen = {words for ticket in training for words in six_words(ticket.text)}
    labels = [(topic, urgency) for topic in TOPICS for urgency in URGENCIES]
    chosen: dict[str, Ticket] = {}
    for i in range(count):
        topic, urgency = labels[i % len(labels)]
        ticket = _ticket(rng, EXAMPLE_WORDS, topic, urgency)
        while ticket.text in chosen or any(words in seen for words in six_words(ticket.text)):
            ticket = _ticket(rng, EXAMPLE_WORDS, topic, urgency)
        chosen[ticket.text] = ticket
    tickets = list(chosen.values())
    rng.shuffle(tickets)
    return tickets


def six_words(text: str) -> Iterator[tuple[str, ...]]:
    """Every six words in a row, whatever their case and the marks between them."""
    words = re.findall(r"\w+", text.lower())
    return (tuple(words[i : i + _SIX]) for i in range(len(words) - _SIX + 1))


def _distinct(tickets: Iterator[Ticket], count: int) -> list[Ticket]:
    found: dict[str, Ticket] = {}
    for ticket in tickets:
        found.setdefault(ticket.text, ticket)
        if len(found) == count:
            break
    return list(found.values())


def _any_label(rng: random.Random) -> tuple[str, str]:
    return rng.choice(TOPICS), rng.choice(URGENCIES)


def _ticket(rng: random.Random, words: Words, topic: str, urgency: str) -> Ticket:
    parts = [rng.choice(_MATTERS[topic]), rng.choice(_TIMES[urgency])]
    if rng.random() < 0.25:
        parts.reverse()
    greeting = rng.choice(_GREETINGS) if rng.random() < 0.5 else ""
    closing = rng.choice(_CLOSINGS) if rng.random() < 0.5 else ""
    text = greeting + " ".join(parts) + closing
    return Ticket(_tidy(_fill(rng, words, text), greeting), topic, urgency)


def _fill(rng: random.Random, words: Words, text: str) -> str:
    while _SLOT.search(text):
        text = _SLOT.sub(lambda match: _pick(rng, words, match[1]), text, count=1)
    return text


def _pick(rng: random.Random, words: Words, slot: str) -> str:
    match slot:
        case "number":
            return str(rng.randint(*words.number))
        case "small":
            return str(rng.randint(2, 49))
        case "Who":
            who = _pick(rng, words, "who")
            return who[0].upper() + who[1:]
        case "thing" | "name" | "place" | "app" | "who" | "day" | "page":
            if rng.random() < words.invented:
                return _invented(rng, slot)
            choices: Sequence[str] = getattr(words, slot)
            return rng.choice(choices)
        case _:
            return rng.choice(_PHRASES[slot])


def _invented(rng: random.Random, slot: str) -> str:
    word = " ".join(
        "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))
        for _ in range(rng.randint(1, 2))
    )
    if slot == "who":
        return rng.choice(("my ", "our ", "the ")) + word
    return word.title() if slot in {"name", "place", "day"} else word


def _tidy(text: str, greeting: str) -> str:
    """As people type: a sentence after a greeting often goes on in lower case."""
    start = len(greeting)
    if greeting and text[start : start + 2] != "I ":
        text = text[:start] + text[start].lower() + text[start + 1 :]
    return text
