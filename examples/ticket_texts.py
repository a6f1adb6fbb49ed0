"""Made-up support tickets whose topic and urgency are known: what the demo model learns from.

A ticket is put together from phrases of a small grammar. In a phrase `(a|b|)` stands for one of its
alternatives, the last of them empty here, and `{thing}` for a phrase of `WORDS["thing"]`.
The tickets of `tickets.jsonl` were written by hand and have no six words in a row in common with
what is made here.

Needs the standard library only. To see a few: python examples/ticket_texts.py
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

TOPICS = ("billing", "bug", "cancel", "login", "refund", "shipping")
URGENCIES = ("low", "normal", "high")


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What a customer wrote, and how it ought to be sorted."""

    #: The customer's own words, a handful of sentences at most.
    prompt: str
    #: One of `TOPICS`.
    topic: str
    #: One of `URGENCIES`.
    urgency: str


def training_tickets(seed: int, count: int) -> list[Ticket]:
    """`count` tickets, every topic at every urgency in turn.

    The same seed gives the same texts on every version of Python.
    """
    rng = random.Random(seed)
    kinds = [(topic, urgency) for topic in TOPICS for urgency in URGENCIES]
    tickets = []
    for number in range(count):
        topic, urgency = kinds[number % len(kinds)]
        prompt = _roughen(rng, _compose(rng, topic, urgency))
        tickets.append(Ticket(prompt=prompt, topic=topic, urgency=urgency))
    return tickets


def _compose(rng: random.Random, topic: str, urgency: str) -> str:
    """Greeting, matter, urgency and closing, in one of the orders in which people write them."""
    matter = [_phrase(rng, PROBLEMS[topic])]
    if rng.random() < 0.4:
        matter.append(_phrase(rng, WISHES[topic]))
    if rng.random() < 0.35:
        matter.insert(int(rng.random() * 2), _phrase(rng, ASIDES))
    sentences = _with_signal(rng, matter, urgency)
    return " ".join(filter(None, [_phrase(rng, GREETINGS), *sentences, _phrase(rng, CLOSINGS)]))


def _with_signal(rng: random.Random, matter: list[str], urgency: str) -> list[str]:
    """The sentences, with what tells the urgency before, after or tied to them.

    Normal urgency mostly goes without saying.
    """
    if urgency == "normal" and rng.random() < 0.65:
        return matter
    place = rng.random()
    if place < 0.12 and urgency != "normal":
        return [_phrase(rng, LABELS[urgency]) + _lowered(matter[0]), *matter[1:]]
    signal = _phrase(rng, SIGNALS[urgency])
    if place < 0.3:
        tie = _pick(rng, (", ", ", and ", ", but ", " - ", "; "))
        return [*matter[:-1], matter[-1].rstrip(".!?") + tie + signal + "."]
    ending = _pick(rng, (".", "!", "!!")) if urgency == "high" else "."
    sentence = signal[0].upper() + signal[1:] + ending
    return [sentence, *matter] if place < 0.45 else [*matter, sentence]


def _roughen(rng: random.Random, text: str) -> str:
    """The text as typed in a hurry, now and then: without capitals, a word short, letters swapped."""
    if rng.random() < 0.12:
        text = text.lower()
    words = text.split(" ")
    if rng.random() < 0.25:
        words = [word for word in words if rng.random() > 0.05] or words
    if rng.random() < 0.15:
        words = [_mistyped(rng, word) if rng.random() < 0.08 else word for word in words]
    return " ".join(words)


def _mistyped(rng: random.Random, word: str) -> str:
    """The word with two neighbouring letters swapped, if it is long enough to stay readable."""
    if len(word) < 5:
        return word
    at = 1 + int(rng.random() * (len(word) - 3))
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _lowered(sentence: str) -> str:
    """The sentence without its capital, unless the first word is "I" or the like."""
    return sentence if re.match(r"I\b|[A-Z]{2}", sentence) else sentence[0].lower() + sentence[1:]


def _phrase(rng: random.Random, phrases: Sequence[str]) -> str:
    """One of the phrases, with its alternatives chosen and its `{words}` filled in."""
    text = _pick(rng, phrases)
    while "{" in text:
        text = _SLOT.sub(lambda slot: _pick(rng, WORDS[slot[1]]), text)
    while "(" in text:
        text = _CHOICE.sub(lambda choice: _pick(rng, choice[1].split("|")), text)
    text = _GAPS.sub(" ", text).strip().replace(" ,", ",").replace(" .", ".").replace(" ?", "?")
    return text[:1].upper() + text[1:] if text.endswith((".", "?", "!")) else text


def _pick(rng: random.Random, options: Sequence[str]) -> str:
    # Of all the methods of Random only this one is promised to give the same on every version.
    return options[int(rng.random() * len(options))]


_SLOT = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\(([^()]*)\)")
_GAPS = re.compile(r" {2,}")

WORDS = {
    "thing": (
        "(desk|garden|night|floor|stage|) lamp",
        "(coffee|pepper|) grinder",
        "(electric|) kettle",
        "(bluetooth|big|kitchen|) speaker",
        "headphones",
        "(standing|) desk",
        "backpack",
        "watch",
        "thermostat",
        "(rain|winter|) jacket",
        "(hiking|running|) shoes",
        "blender",
        "mattress",
        "yoga mat",
        "(travel|sports) bag",
        "bookshelf",
        "printer",
        "laptop",
        "tablet",
        "phone (case|holder)",
        "cable",
        "charger",
        "(picture|photo) frame",
        "mug",
        "poster",
        "(wool|) socks",
        "gloves",
        "candle",
        "tent",
        "toaster",
        "cable box",
        "skis",
        "(baby|) crib",
        "guitar",
        "generator",
        "machine",
        "spare part",
        "camera",
        "book",
        "dress",
        "present",
        "toy train",
        "garden (hose|chair)",
        "seeds",
        "pen",
        "monitor",
        "door lock",
        "doorbell",
    ),
    "app": (
        "(the|your) (|heating|notes|recipe|weather|tracker|watch|learning|budget|lock|calendar) app",
        "(the|your) (desktop|office|till|quiz|payroll|planning|) (program|software)",
        "(the|your) (new|) website",
        "your (last|latest|) (update|release|version)",
        "the (calendar|export|search|settings|map|photo|appointment|checkout|start) (page|screen|view)",
        "the (dark|light|presentation|offline) mode",
        "the (export|sync|print|share|save|scan|video|alarm|report) function",
        "the (share|export|save|help|print) button",
    ),
    "plan": (
        "(premium|family|team|business|basic|storage|student|gym|yearly|monthly|paid|office) plan",
        "(coffee|magazine|newsletter|app|box|software|music|yearly|monthly|) subscription",
        "(gym|club|premium|yearly|) membership",
        "(free|paid|) trial",
        "(service|yearly|) contract",
        "(monthly|surprise) box",
    ),
    "who": (
        "my (wife|husband|mother|father|son|daughter|neighbour|boss|colleague|sister|uncle|friend)",
        "(our|the) (accountant|manager|office|treasurer|secretary|finance department|new colleague)",
    ),
    "name": (
        "(Anna|Marek|Lucia|Omar|Priya|Jonas|Mei|Carlos|Aisha|Tom|Elena|Hugo|Sofia|Kenji|Nina)",
        "(Peter|Fatou|Ivan|Laura|Ahmed|Ida|Jack|Rosa|Erik|Maya|Luis|Olga|Sam|Vera|Dan|Li|Femi|Ana)",
        "(Dr.|Mr.|Mrs.|) (Novak|Silva|Kim|Jensen|Okoro|Moreau|Haas|Patel|Costa|Berg|Ito|Murphy)",
        "(Sara|Paul|Lena|Victor|Amy|Ravi|Jana|Theo|Zoe|Kai) (Keller|Diaz|Lund|Ferrari|Bauer|Ali)",
    ),
    "past": (
        "(yesterday|this morning|last (night|week|month|year|Friday)|two (days|weeks|months) ago)",
        "(today|on (Monday|Tuesday|Wednesday|Thursday|Saturday)|in (March|April|August|December))",
        "(a while ago|some (days|weeks) ago|three (weeks|days) ago|a year ago|at Christmas)",
    ),
    "since": (
        "since (yesterday|Monday|last week|this morning|the update|the latest release|March)",
        "for (two|three|four|nine|ten) (days|weeks) now",
        "since I (moved|got a new phone|changed my card|installed version (2|3|4|5).(0|1|2|3))",
    ),
    "money": (
        "(3|7|12|20|24|35|40|60|99|120|250) (euros|dollars|pounds|francs)",
        "(900|1,200|2,500|4,000|15,000|300) (euros|dollars|pounds)",
        "(a few|some|two|four) (cents|euros)",
    ),
    "number": ("(1|2|3|4|5|6|7|8|9)(0|1|3|5|7)(2|4|6|8)(1|5|9)(0|3|6|7)",),
    "soon": (
        "(today|tonight|this (afternoon|evening|morning)|before (noon|midnight|five))",
        "(tomorrow|tomorrow (morning|at (seven|eight|nine|dawn)|at noon)|in the morning)",
        "(within|in) (an hour|the hour|one hour|two hours|three hours|hours|minutes|thirty minutes)",
        "(by|until) (noon|midnight|tonight|five o'clock|this afternoon|the end of the day|tomorrow)",
        "in (ten|twenty|thirty|forty) minutes",
    ),
    "at_once": (
        "(now|right now|right away|immediately|at once|straight away|without delay|asap|urgently)",
        "(as soon as possible|today|tonight|within (the|one) hour|instantly)",
    ),
    "event": (
        "(my|our|the) (wedding|exam|flight|visa appointment|funeral|birthday party|concert|sale)",
        "(our|the) (fair|audit|launch|live show|client meeting|presentation|deadline|exhibition)",
        "(the|our) (campaign|court hearing|conference|board meeting|class|operation|party|match)",
    ),
    "group": (
        "(customers|patients|guests|pupils|teachers|drivers|suppliers|families|children|clients)",
        "(forty|sixty|eighty|hundreds of|twenty|all our|thousands of) (people|customers|users|staff)",
        "the whole (team|office|clinic|school|company|warehouse|department|shop|kitchen|crew)",
    ),
    "later": (
        "(in (spring|summer|autumn|winter)|next (year|spring|summer|month)|at Christmas)",
        "(in a few months|months from now|after the (summer|holidays)|in half a year|in ten months)",
    ),
}

GREETINGS = (
    "",
    "",
    "",
    "(Hi|Hello|Hey|Hi there|Hello there|Dear team|Hi support|Hello team|Dear support),",
    "(Good morning|Good afternoon|Good evening|Good day|Greetings|Dear all|Hi everyone),",
    "(Hello!|Hi!|Good day!|Hey!)",
)

CLOSINGS = (
    "",
    "",
    "",
    "(Thanks|Thank you|Many thanks|Cheers|Thanks a lot|Thank you very much)(.|!)",
    "(Thanks|Thank you|Regards|Best regards|Kind regards|Best|Cheers|Yours|Best wishes), {name}",
    "Thank(s| you) for (your help|looking into it|your time|your work)(.|!|, {name})",
    "{name}",
    "Greetings(| from (Oslo|Lisbon|Ghent|Krakow|the coast|our family)), {name}",
    "Have a (nice|good|great) (day|week|weekend|evening)(.|!|, {name})",
)

ASIDES = (
    "I (bought|ordered|got) the {thing} {past}.",
    "I have been (a customer|with you) (for (two|four|ten) years|since 20(18|19|20|21)).",
    "I (am|was) (quite|really|very|mostly) (happy|pleased|satisfied) with (it|your service|the {thing}).",
    "{who} (has|had|noticed|reported) the same (thing|question|problem|trouble).",
    "My (customer|order|account) number is {number}.",
    "I (attach|have attached|can send you) (a screenshot|a photo|the mail|the statement).",
    "I use an? (old|new|Android|Apple|) (phone|tablet|computer) at (home|work).",
    "We are a (small|) (company|school|club|bakery|family) (in|based in) (Denmark|Spain|Norway|Poland).",
    "I (could not find|found nothing about|have read|have looked at) (this|it) (in|on) the help page(s|).",
    "I (have|already) tried (it|this) (twice|three times|five times|again|several times).",
    "It (started|began|happened|happens) {past}.",
    "This (has been so|has been going on|started) {since}.",
    "The {thing} is a present for {who}.",
    "We (only|) have (two|three|four|five) (people|colleagues|children|cats) (here|at home|on the team).",
    "I (moved|changed jobs|married|retired|bought a new phone) {past}.",
    "{who} (asked|told) me to (write|contact) (you|to you).",
    "(Strange|Odd|A pity|Funny), isn't it?",
    "It was (a good time|fine before|no problem last year|my own mistake).",
    "I am on the {plan}.",
    "I (mostly|) use {app} on (my|two|both of my) (phone|devices|computers).",
    "The weather is (lovely|awful) here and my (cat|dog|garden|neighbour) says hello.",
    "(I work|We are open) (during the day|at night|on weekdays|from nine to five).",
    "(There are|We are) (two|three|four) of us (here|in the firm|in the office).",
    "I (only|) wanted (one|to keep one|the green one|the small one|two of them).",
)

PROBLEMS = {
    "billing": (
        "(My|The|Your) (last|latest|February|March|June|monthly|) (invoice|bill) (is|seems|looks)"
        " (wrong|too high|higher than (usual|before)|incorrect|off by {money}).",
        "(I|We) (was|were|have been) (charged|billed) (twice|double|three times|two times|wrongly|"
        "again|too much|the full price) for the ({plan}|{thing}) (|{past}|this month).",
        "(Why|How come) (is there|do I see|did you take) a (second|double|strange|new) (charge|payment|fee|"
        "amount) (of {money}|) on my (card|bank|account|credit card) (statement|)?",
        "(Why|For what reason) (is|was) (the price|my bill|the invoice|the fee|the total)"
        " (so high|higher|different|up|{money} (more|higher|less))?",
        "(I|We) (need|want|would like|are missing|never received|did not get) (an|the|a corrected|"
        "a new|a proper) (invoice|bill|receipt) for (the {thing}|the {plan}|order {number}|my payment|"
        "our company|last month).",
        "The (VAT|tax) (rate|number|amount|) (on|of) (the|invoice {number}|our invoice|my bill|the receipt)"
        " is (wrong|missing|not shown|incorrect).",
        "(The|Our|My) (address|name|surname|company name|purchase order number|VAT number|amount|"
        "number of (licences|seats|users)) on the (invoice|bill|receipt|invoices) is (wrong|old|missing|"
        "out of date|not right|not ours).",
        "My (credit card|debit card|card|bank|direct debit|payment) (is|was|gets|has been) (declined|refused|"
        "rejected|not accepted) (every time|again|when I pay|on the payment page|).",
        "(The|My|Our) (payment|monthly payment|direct debit|bank transfer) (fails|failed|did not go through|"
        "cannot be made|is always declined) ({since}|{past}|every month|).",
        "How (can|do) (I|we) (change|update|add|switch) (the|our|my|a) (payment method|credit card|"
        "direct debit|bank details|billing address|second card)?",
        "(Can|Could|May) (I|we) pay (by|with) (bank transfer|invoice|card|direct debit|yearly|in francs)?",
        "(Your|The) (reminder|system|mail) says (the|our|my|that the) (bill|invoice {number}|payment) is"
        " (unpaid|open|overdue), (but|although|yet) (I|we) paid it {past}.",
        "(What|How much) (does|would|will) the {plan} cost (me|us|) (if (I|we) pay (yearly|monthly)|per month|"
        "for students|for families|)?",
        "The (discount|voucher|discount code|gift voucher|coupon|special offer|lower price) (was|is) not"
        " (deducted|applied|shown|counted) (on|in) (my|the) (bill|invoice|total|receipt).",
        "(You|Your system|The company) (took|charged|debited|billed) {money} (too much|twice|instead of {money}|"
        "from (my|our) account|more than the price on the website).",
        "(Our|My) (account|balance|business account) is (overdrawn|below zero|empty) because you (charged|"
        "billed|debited) (the|our|my) (card|fee|yearly fee) (twice|again|three times|eleven times).",
        "(Could|Can|Will) you (send|mail|give) (me|us|our accountant) (the|a|last year's|all|copies of the)"
        " (invoices|invoice|receipt|receipts|bill|bills) (as PDF|by mail|again|for 20(23|24|25)|)?",
        "(What is|Can you explain|Please explain|I do not understand) the (service fee|currency conversion|"
        "extra charge|tax|second amount|price) (on|of) (my|the|our) (bill|statement|invoice|last payment).",
        "(I|We|{who}) (am|are|is) billed for the {plan} (although|but) (I|we) (have|use|am on|are on) the"
        " (basic|free|cheaper|smaller) one.",
        "The (amount|sum|price|total) (on|of) (the|my) (invoice|receipt|bill|card statement) (does not|doesn't)"
        " (match|fit) (the website|the order|what I paid|the offer).",
        "(I am writing|This is|I have a question|There is a problem|We have trouble|It is) about"
        " (the|my|our|a) (invoice|bill|receipt|payment|charge|fee|card statement|direct debit|price|tax|"
        "billing address|VAT|credit card|bills|invoices|costs|accounting).",
        "Please (put|write|add|show) (our|the|my) (VAT number|company name|new address|order number|surname) on"
        " (the|all|future) (invoices|bills|receipts).",
        "(Someone else's|Another customer's|A stranger's) {plan} was (billed|charged) to my (card|account).",
        "The (price|fee|cost) of the ({plan}|{thing}) (went up|rose|has changed|increased) (by {money}|).",
        "Please send (our|the|your) (invoices|bills|receipts) to (accounts|accounting|finance|office)@"
        "(mill|harbour|bakery|studio).example.",
        "(Can|Could|Would) (we|I) get one (bill|invoice) for (both|all|two) (of our|) accounts?",
        "When I upgraded (the|my) {plan}, (I was charged|you billed me|I paid) (for both|twice|the full price).",
    ),
    "bug": (
        "{app} (crashes|freezes|hangs|closes|stops|fails) (every time|whenever|as soon as|when) (I|we) (open|"
        "start|click|touch|save|rotate|scroll|close|press) (it|something|the menu|a button|a file|the phone).",
        "{app} (shows|displays|gives|throws) (only|) (an error|a blank page|a white screen|error (500|502|404)|"
        "an error window|nothing|the wrong (date|time|number|sum)|a message) (all the time|{since}|).",
        "{since}, {app} (does not work|doesn't work|is broken|is very slow|no longer works|hangs|flickers).",
        "(Nothing happens|I get an error|The screen stays blank|The program hangs) when (I|we) (press|use|"
        "click|touch|try) {app}.",
        "(There is|I found|I noticed|We see|I saw) (a|an|another|some) (bug|error|fault|glitch|mistake|"
        "spelling mistake|misspelt word|wrong translation|display error|crash) in {app}.",
        "The (sync|synchronisation|export|upload|download|backup|search|scan|timer|counter) (stops|hangs|fails|"
        "breaks off) (half way|at (73|50|98) percent|with an error|each time|after ten minutes|).",
        "My {thing} (does not|doesn't|no longer) (connect|sync|talk|react) (to|with) {app}.",
        "The (text|icon|button|picture|arrow|letter|tooltip|animation|menu|list|table|map|line|edge) in {app} is"
        " (invisible|blurry|upside down|the wrong colour|misspelt|cut off|hidden|shown twice|in the way).",
        "(Notifications|Messages|Photos|Files|Records|Documents|Notes|Pictures) (arrive|appear|are shown|load|are"
        " sent) (twice|three times|half|in the wrong order|upside down|not at all|to the wrong people).",
        "(The|Your) update (deleted|wiped|lost|destroyed|broke) (all|some of|) (my|our) (files|notes|data|"
        "photos|lists|projects|records|settings).",
        "(Data|Our files|Our records|My notes|Lists) (are|is) (disappearing|gone|deleted|damaged|broken) since the"
        " (update|crash|release).",
        "The (heating|alarm|door lock|light|thermostat|volume|clock|step counter|battery display) (goes|jumps|"
        "counts|turns|runs) (wrong|off|mad|backwards|to maximum|by itself) because of {app}.",
        "(Your|The) (server|database|system|checkout|till|screens) (returns|return|shows|show|throws|is|are)"
        " (errors|error 500|down|frozen|out of memory|a white page|nothing but errors).",
        "(Is|Could) it (be|) (a known problem|a bug|normal) that {app} (hangs|crashes|flickers|freezes|shows"
        " wrong numbers)?",
        "(Restarting|Reinstalling|Installing it again|A new phone|Another browser) did not (help|change anything),"
        " {app} still (crashes|hangs|shows an error|freezes|is broken).",
        "(I am writing|It is|There is a problem|We have trouble|This is) (about|because of|with) (a|an|the) (bug|"
        "crash|error message|software fault|broken update|glitch|blank page|frozen screen|technical error) in"
        " {app}.",
        "The (video|sound|speaker|music|call|animation|scrolling) in {app} (drops|stutters|stops|flickers|plays"
        " left and right swapped|is delayed|disappears) (after a minute|at times|all the time|).",
        "{app} (says|writes|shows) \"(1 files|connection reset|unknown error|battery full|out of memory)\""
        " (all the time|by mistake|instead of the right text|after a search).",
        "(Sorting|Printing|Scanning|Saving|Exporting|Scrolling|Searching) (in|with) {app} (is broken|does not"
        " work|gives an error|is in the wrong order|hides the last line|makes it crash).",
        "The (clock|date|sum|order|time|total|translation|word) (in|of) {app} is (wrong|slow|misspelt|"
        "the opposite of what it should be|two hours off).",
        "Nobody (in|at) our (office|warehouse|clinic|shop) can (scan|print|save|sell|open) (anything|files)"
        " (with|in) {app} {since}.",
        "(Please|Can you|Could you) (fix|repair|patch|debug) {app}, it (crashes|freezes|hangs|shows errors).",
    ),
    "cancel": (
        "(I|We) (want|would like|wish|have decided|need) to (cancel|end|stop|terminate|quit|give up|leave)"
        " (my|our|the) {plan} (|at the end of the (month|year)|{later}|please).",
        "(Please|Can you|Could you) (cancel|end|stop|terminate|close) (my|our|the) {plan} (|for me|, please).",
        "How (can|do|would) (I|we) (cancel|end|stop|terminate|get out of|leave|quit) (the|my|our|your) {plan}?",
        "(I|We) (want|would like|wish) (to have|) (my|our|the) (account|profile|old account|second account|"
        "test account|user account) (closed|deleted|removed).",
        "(Please|Can you|Could you) (close|delete|remove) (my|our|the) (account|profile|second account|"
        "old account|test account|free account) (and (all|) my data|for good|).",
        "(I|We|{who}) (do not|don't|no longer|won't) (need|use|want) (the|my|our) {plan} (any more|after the summer|"
        "now|because we move abroad).",
        "(Do not|Please do not|Don't|Please don't) (renew|extend|continue) (my|our|the) {plan}.",
        "(My|Our|The) {plan} (renews|extends itself|will be renewed|will be extended|is going to renew)"
        " (automatically|soon|) and I (don't want|do not want|cannot afford|no longer need) (it|that|another year).",
        "The (cancel|unsubscribe|end) (button|link|page) (is greyed out|does nothing|does not work|is missing), so"
        " (how do I|please) (cancel|end|stop) (the|my) {plan} (for me|).",
        "(I|We) (hereby|) give notice (of termination|) (for|of) (the|my|our) {plan}.",
        "What is the (notice period|way to end|last day to cancel) (for|of) (the|my|our) {plan}?",
        "(I|We) (cancelled|ended|terminated) the {plan} {past}, but it (is still running|was not stopped|goes on|"
        "is still active).",
        "(Please|Can you|Could you) (switch off|stop|turn off) the (automatic|yearly|) renewal (of|for) (my|the)"
        " {plan}.",
        "(Take|Please take|Could you take) (me|us|my colleague|him|her|{who}) off the ({plan}|membership list|"
        "mailing list|team).",
        "{who} (has died|passed away|has left us|retired|moved away), so (please|I want to) (end|cancel|stop)"
        " (the|their) {plan}.",
        "(Our|The) (club|firm|company|school) (has shut down|is being dissolved|has closed|moves abroad) and the"
        " {plan} (must|has to|should) (end|be cancelled|be terminated|stop).",
        "(I am|We are) (leaving|going to leave|quitting) your (service|app|programme) (after|) (four years|"
        "a long time|) and (want|would like) to (end|stop|cancel) (the|my|our) {plan}.",
        "(I|We) (signed up|registered) for the {plan} by (accident|mistake) and (want|would like) to (get out|"
        "cancel|end it|leave).",
        "(Please|Could you) unsubscribe (me|us) from the {plan}.",
        "(I am writing|It is|This is) (about|because of) the (cancellation|termination|end) of (my|our|the)"
        " {plan}.",
        "(I|We) (want|need|would like) (a|the|written) (confirmation|proof) (of|for|that) the (termination|"
        "cancellation) of (my|our) {plan} (has been made|).",
        "(I|We) want out of the {plan} (now|), (where|how) (can|do) (I|we) (cancel|do that|stop it)?",
        "(Could|Can) (I|we) (downgrade|go back) to the free (plan|version) and (drop|end|lose|stop) the paid one?",
        "(Somebody|A child|My son|{who}) (signed up|subscribed) (in my name|on my name|) and I want the {plan}"
        " (ended|terminated|cancelled|stopped).",
        "The trial (ends|is over) (soon|) and (I do not|I don't) want to (go on|continue) with the paid plan.",
        "(My|The|Both) (kids|children) (have outgrown|are too old for) {app}, so the {plan} (may|can|should)"
        " (end|be cancelled).",
        "(I|We) have (found|chosen) (something|another service) that suits (me|us) better and (quit|will end|"
        "cancel) the {plan}.",
    ),
    "login": (
        "(I|We|{who}) (cannot|can't|can not|could not|am unable to) (log in|sign in|log on|login|get in) (|to my"
        " account|any more|on the website|on the phone|with my (e-mail address|password|user name)).",
        "(I|{who}) (forgot|lost|no longer know|do not remember|have forgotten) (the|my) (password|PIN|user name|"
        "login|security question|admin password).",
        "The (reset|activation|password|login) (mail|e-mail|link|message) (does not|doesn't|never) (arrive|come|"
        "work) (|, not even in the spam folder).",
        "(My|Our|The) (account|user|access|login|admin account) is (locked|blocked|disabled) (after three wrong"
        " (attempts|tries)|{since}|).",
        "(I'm|I am|We are|{who} is|Everybody is) locked out of (my|our|the) (account|accounts|profile|system).",
        "The (verification|security|two-factor|login|sign-in|two factor) (code|codes|app) (is|are) (refused|wrong|"
        "not accepted|never sent|not arriving|lost).",
        "(I|We) (do not|don't|never) (receive|get) (the|a|any) (verification|security|login|) (code|codes) (by"
        " text|on my phone|{since}|) (when I sign in|to log in|).",
        "The (login|sign-in) (page|screen|form) (says|tells me|shows) (that my|my) (password|user name|PIN|"
        "e-mail address) (is wrong|does not exist|is invalid|is unknown).",
        "(Invalid|Wrong|Unknown) (credentials|password|user name) is all I (see|get) when I (log in|sign in|"
        "type my password).",
        "(Please|Can you|Could you) (reset|unlock|restore|unblock) (my|our|the) (password|account|access|login|PIN).",
        "How (can|do) (I|we) (get back into|get access to|change the password of|unlock|sign in to) (my|our|the)"
        " account (again|) (without the phone|after the name change|)?",
        "(I|We) (lost|broke|sold|changed|replaced) (my|the) (phone|handset) (with|and) the (two-factor|code|"
        "password|authenticator) app (and cannot sign in|was on it|).",
        "(My|Our) (account|profile) (was|has been) (taken over|hacked|stolen) and the password (was|has been)"
        " changed.",
        "The link for (a|the|setting a) new password (has expired|is dead|leads nowhere|was too old).",
        "(Can|Could|How do|How can) I (change|correct|replace) (the|my) (user name|e-mail address|password|PIN|"
        "login name) (I log in with|for signing in|of my account|)?",
        "(The|My) (fingerprint|passkey|face|PIN) (sign-in|login) (stopped working|does not work|fails|is refused).",
        "I am (thrown back|sent back|thrown out) (to|at|of) the (sign-in|login) (screen|page|account)"
        " (each time|all the time|after my PIN|).",
        "(I am writing|It is|There is a problem|We have trouble|I have a question) (about|with) (my|the|our)"
        " (password|login|sign-in|user name|two-factor codes|verification code|locked account|PIN|access).",
        "(A colleague|The administrator|{who}) left (and took|with) the (admin|) password, so (nobody|none of us)"
        " can (log in|sign in|get into the account).",
        "(Nobody|None of us|No one) (in|at) (the|our) (office|school|clinic|firm|team) can (log in|sign in|get"
        " in) {since}.",
        "(I|We) registered {past} but (the account is not active|the activation mail is missing|cannot sign in).",
        "The site (forgets|does not remember|loses) my (login|user name|password), I have to (sign|log) in (again|"
        "each time|every day).",
        "(Will|Do) you (offer|support|have) (sign-in|login) with a (passkey|fingerprint|security key|PIN)?",
        "(Can|May) two people (sign in|log in|use a password) (with|to|for) the same account?",
        "(Where|How) do I (see|find|switch off|turn on) (my|the) (login history|security code|two-factor sign-in|"
        "sign-in mails|\"remember me\")?",
        "{who} changed the password of (our|the) (family|shared|) account and (forgot|does not remember) it.",
        "How long (may|must|can) (a|the|my) (password|PIN|user name) be?",
        "My old (phone|tablet|computer|browser) (cannot|can't) (log in|sign in) any more.",
        "(Everyone|Everybody|All of us|Our staff) (was|were|is) (thrown|logged|locked) out of (their|the|our)"
        " accounts.",
    ),
    "refund": (
        "(I|We) (want|would like|demand|need|ask for|expect) (my|our|the) money back (for the {thing}|).",
        "(I|We) (want|would like|ask for|am waiting for|expect|request) (a|the|my|our) (full|) refund (for|of) (the"
        " {thing}|order {number}|{money}|what I paid).",
        "(Please|Can you|Could you) (refund|reimburse|pay back|return) (me|us|) (the|) ({money}|full amount|money|"
        "deposit|price|rest|postage|difference) (for the {thing}|of order {number}|).",
        "(I|We) (returned|sent back|gave back) the {thing} {past}, but (the|my) (money|refund|repayment|"
        "reimbursement) (has not come|is missing|has not arrived|is still open).",
        "The {thing} (broke|stopped|was faulty|is too small|does not fit|is scratched|arrived broken) and I (want|"
        "would like|would rather have) (a refund|my money back|to be refunded).",
        "(When|How) (will|do|can) (I|we) (get|receive|expect) (my|our|the) (money back|refund|repayment|"
        "reimbursement)?",
        "(Can|May|How do) I (return|send back|give back) the {thing} (and get|for) (a refund|my money|my money"
        " back)?",
        "(What|How) is your (return policy|money-back guarantee|refund policy) (for|on) (the|) {thing}?",
        "I am not (happy|satisfied|pleased) with the {thing} and (want|would like) to (use|make use of) the"
        " money-back guarantee.",
        "(Only|Just) (half|a part|{money}) of (my|the) (refund|money|repayment) (has come|arrived|was paid).",
        "(You|The seller|Your shop) (promised|owe|owes|agreed to pay) (me|us) (a refund|{money}|my money back)"
        " (of {money}|{past}|for the {thing}|).",
        "I bought the {thing} by (mistake|accident) and would like to (be refunded|be reimbursed|return it|have my"
        " money back).",
        "(I do not|I don't) want (an exchange|a voucher|a new one), (please|just) (pay|give) (me|) (back|) (the|my)"
        " money (back|).",
        "The refund (for|of) the (cancelled event|wrong order|{thing}|concert|course) (is missing|has not"
        " come|went to my old card|is too small).",
        "(I am writing|It is|This is|I have a question) about (a|my|the) (refund|return|repayment|money-back"
        " guarantee|reimbursement|returned {thing}).",
        "(My|The) (son|daughter|child) bought (coins|a game|the {thing}) without asking, (can|could|may) I (get the"
        " money|be refunded|have the money) back?",
        "(Could|Can) the refund (come|be paid|go) (as a voucher|to my bank account|in cash|to another card)?",
        "How long (does|do|will) (a|the|my) (refund|refunds|repayment|return) take?",
        "The (return label|return form) (does not print|is missing), (how|and how) do I get my money (back|returned)?",
        "(You|Your shop) sent me the wrong {thing} and I want (my money back|to be paid back|a refund).",
        "(My|The|Our) (deposit|fee|postage) (of {money}|) was (not|never) (paid back|returned|refunded).",
        "My card was (stolen|used wrongly), please (reverse|refund|pay back) the (payment|{money}).",
        "The (price|offer) dropped (a day|one week) after I bought the {thing}, do you (pay back|refund|reimburse)"
        " the difference?",
        "(We|I) paid {money} instead of {money} (by mistake|) and (need|want) (it|the rest|the money) (back|"
        "refunded|returned|reimbursed).",
        "Please (transfer|send|pay) the (refund|money|repayment) (for the {thing}|) back (to my|to our) (account|"
        "card|bank account).",
        "Would I (get|be given) (my|the) money back if I (returned|sent back) (a present|the {thing}|it)?",
        "I (sent|brought|gave) the {thing} back {past} and (wait|am waiting) for the (repayment|money|refund|"
        "reimbursement).",
    ),
    "shipping": (
        "(Where|Can you tell me where|I wonder where|Do you know where) is (my|our|the) (parcel|package|order|"
        "delivery|shipment) (with the {thing}|{number}|)?",
        "(My|Our|The) (parcel|package|order|delivery|shipment|{thing}) (has not|hasn't|did not|still has not)"
        " (arrived|come|been delivered|left your warehouse|been shipped|turned up) (yet|{since}|).",
        "The tracking (number|link|page|) (is not recognised|does not work|says \"delivered\"|has not moved|shows"
        " nothing|leads to an empty page|says \"shipped\") {since}.",
        "(The|Your) (courier|driver|van|delivery man|truck) (left|dropped|brought|delivered) (the|my|our) (parcel|"
        "package|{thing}|box) (in the rain|at the wrong house|to the wrong street|next door|at a closed depot).",
        "(Please|Can you|Could you|I want to|I would like to) (change|correct) the (delivery|shipping) address"
        " (of|for) (order {number}|my parcel|my order).",
        "How (long|much) (does|is|would) (delivery|shipping|postage|express delivery) (to|for) (Canada|Portugal|"
        "Iceland|an island|the islands|Ireland) (take|cost|be)?",
        "Do you (also|) (deliver|ship) to (Norway|a parcel locker|an office|Greenland|islands|the Faroes|farms)?",
        "(My|The|Our) (parcel|shipment|package|delivery) is (stuck|held|waiting|lying) (at|in) (customs|a depot|"
        "the depot|a pickup point|another town).",
        "(The|My) (parcel|package|box|shipment) (came|arrived) (soaked|dented|open|broken|empty|late|with the"
        " {thing} missing|with only half of it).",
        "(Only one|Half|A part|The second half) of (my|the) (order|shipment|delivery|parcel) (has arrived|was"
        " in the box|came|is missing).",
        "(You|They|Your warehouse) (sent|shipped|delivered) (a|the) (blue|wrong|green|small) {thing} instead of the"
        " (green|right|red|big) one, please (send|ship) (me|) the right one.",
        "(The|Your) (courier|driver) (never|did not ring|says he|always) (rang|rings at|came to|found) (the wrong|"
        "our|number 12|my) (door|house|bell|address).",
        "(My neighbour|Somebody else|The wrong person|{who}) (received|got|took|opened) (my|our) (parcel|package|"
        "delivery).",
        "I (got|received|have) (somebody else's|a stranger's|the wrong) (parcel|delivery|package|box).",
        "(Can|Could) you (send|ship|deliver) the {thing} (to my office|together with my next order|with express"
        " delivery|to another address|to a pickup point)?",
        "(Please|Can you|Could you) (redirect|stop|find|send on|hold back|trace) (the|my|our) (parcel|shipment|"
        "package|truck|delivery|order {number}).",
        "(I am writing|It is|There is a problem|We have trouble|I have a question) (about|with) (the|my|our|a)"
        " (delivery|parcel|courier|shipment|tracking|package|shipping costs|postage|late delivery|delivery address).",
        "(Which|What) (courier|delivery service|kind of box) do you use for (heavy|small|fragile) (packages|"
        "parcels|deliveries)?",
        "(When|On which day) will (the|my|our) ({thing}|parcel|order|other package) (be (shipped|delivered)|"
        "arrive|come|leave the warehouse)?",
        "(My|The) order (was supposed|was meant|ought) to (arrive|come|be here|be delivered) {past}.",
        "The {thing} (was|is) (missing|not) in the (package|box|parcel|shipment).",
        "The {thing} (was broken|was in pieces|had a dent) when the (parcel|package|courier) (arrived|came), please"
        " (send|ship) (me|) a new one.",
        "(Please|Can you|Could you|Can the courier) (arrange|try|make) a (second|new|later) delivery.",
        "(Can|Could) (my|our) (parcels|deliveries|packages) be (left|dropped) (with|at) (the|my) (neighbour|"
        "neighbour's|garage|door|back door)?",
        "I (gave|typed|told) you the wrong (delivery|) address (for|and) the (parcel|van) (is on its way|has left|).",
        "(Our|The) (pallets|boxes|brochures|medicine|bottles|goods|flowers|cake|food|vaccines) (have not been"
        " delivered|are still in your van|are stuck at customs|went to the wrong address|are late).",
        "(Why|How come) (did|was) (my|the) (parcel|order|package) (shipped in three boxes|travel round the country|"
        "go back to the depot|take so long)?",
        "Customs (wants|asks for|needs) a (form|paper) from the sender of the (parcel|package|shipment).",
        "Your driver (took|carried) (the|my|our) (parcel|package|{thing}) (away|back|with him) again.",
    ),
}

WISHES = {
    "billing": (
        "(Please|Could you) (correct|check|explain|look into|look at) (the|my|this) (bill|invoice|payment|charge).",
        "(Which|What) (price|amount) (is|would be) (correct|right|the right one)?",
        "(Please|Can you) (send|issue) a (corrected|new|proper) (one|invoice|bill|receipt).",
        "(Our|The) (accountant|bookkeeping|accounts department|auditor|bank|tax office) (asks|asked) for (it|that).",
        "I paid (by|with) (credit card|direct debit|bank transfer) {past}.",
    ),
    "bug": (
        "(Please|Could you) (fix|repair|look into|check) (this|it|the bug|the error).",
        "(It|This) (worked|was fine|was all right) (before the update|in the old version|last week).",
        "(I|We) (tried|have tried) (two|another|three) (browsers|phones|networks|computers).",
        "(Is|Will) (there be|there|) (a fix|a new version|a patch|a way around it)?",
        "I (have|) (restarted|reinstalled|updated) (it|everything|the app).",
    ),
    "cancel": (
        "(Please|Could you) (confirm|send me a confirmation of) (this|the cancellation|the termination|it).",
        "(I|We) (will not|won't|do not want to) (extend|renew|continue) (it|the contract|after that).",
        "(What|Where|How) do I (have to|need to|) (do|cancel|click|sign)?",
        "(Please|) delete (all|) my data (as well|too|).",
        "The (products|articles|lessons) are not for me any more.",
    ),
    "login": (
        "(Please|Could you) (help me|let me|get me) (back in|into my account|sign in again).",
        "(Please|Could you) (unlock|reset|send me) (it|the password|a new link|the account|another code).",
        "(I|We) (have|) (checked|looked in) the spam folder (too|as well|).",
        "(How|What) do I (do|get in) (now|without it|then)?",
        "I (have used|know|copied|typed) the (right|same) password (for years|from my notes|).",
    ),
    "refund": (
        "(Please|Could you) (transfer|pay|send) (it|the money|the amount) (back|) to my (card|bank account|account).",
        "(When|How) (will|can) I (get|expect|see) (it|the money|the refund)?",
        "I (do not|don't) want (a voucher|an exchange|another one).",
        "I (have|still have) (the receipt|the box|the return slip).",
        "(What are|Tell me) the next steps (for a return|).",
    ),
    "shipping": (
        "(Please|Could you) (check|find out|tell me) where (it|the parcel|the courier) is.",
        "(Please|Could you) (send|ship) (it|another one|the rest) (to my home|to the right address|).",
        "I was (at home|in the office) (all|the whole) day.",
        "(When|What day) will (it|the rest|the courier) (arrive|come|be here)?",
        "The (tracking|courier|depot) (says|knows) nothing.",
    ),
}

LABELS = {
    "low": (
        "(Not urgent|Nothing urgent|Low priority|Minor thing|Small thing|Tiny thing|Minor question|Small question|"
        "Small request|No rush|No hurry|When you have time|Just curious|Just wondering|No pressure|For later)"
        "(:|,|, but|.)(| )",
    ),
    "high": (
        "(URGENT|Urgent|EMERGENCY|Emergency|Critical|CRITICAL|Very urgent|HELP|Top priority|ASAP)(:|!|!!| -| |,)(| )",
    ),
}

SIGNALS = {
    "low": (
        "(there is|there's|it's|I'm in|we're in|) no (rush|hurry) (at all|whatsoever|with (this|it|a reply|the money)|)",
        "(it is|it's|this is|that's|) not (urgent|pressing|important|a big deal|so important) (at all|to me|for us|)",
        "(it is|this is|) nothing (urgent|dramatic|serious|important|pressing)",
        "(please|) (answer|reply|write back|do it|fix it|look at it|have a look|change it) whenever (it suits you|you"
        " (like|have time|have a moment|can|want|get round to it|feel like it))",
        "(when|if) you (find|have) (the time|some time|a (quiet|free|spare) (moment|minute|day))",
        "(you can|please|just|) take (all the time you need|your time) (with (this|it)|)",
        "(I am|I'm|I was|we are) (just|only|merely) (curious|wondering|interested|asking (out of interest|))",
        "(it|this|that|the matter) can wait (|until {later}|for weeks|a while|till the next release)",
        "(I only|I just|we only) (ask|report it|write|mention it) (out of (pure|) interest|for completeness|"
        "because it made me wonder|so that you know)",
        "(it|this) (does not|doesn't) (bother|disturb) (me|us) (much|at all|)",
        "(it|this) (hardly|does not really|doesn't really) (matters|matter) (to me|for now|)",
        "(there is|we have|I have|) no deadline (here|for (it|this)|at all|)",
        "any time (this year|in the next months|) (is fine|will do|is all right) (for me|)",
        "I (can|could) (easily|) (live|wait) (with it|for it|) (for months|for now|)",
        "I (won't|don't|will not) need (it|this|the answer) (before {later}|until {later}|soon)",
        "(it is|it's) (only|just) (a (minor|small|tiny|cosmetic) (thing|matter|question|flaw|detail)|a question of"
        " beauty|vanity)",
        "(perhaps|maybe) you can (do|fix|look at|change) (it|this|that) (some day|one day|at some point)",
        "(please|) (do not|don't) hurry (with this|because of me|)",
        "(no|without any) (pressure|stress) (at all|from my side|)",
        "(there is|we have) (plenty of|lots of|enough) time (until {later}|)",
        "(it|this) is for {later} (anyway|only|)",
        "(one of these days is fine|some day will do|at your leisure|there are months left|it has months to go)",
        "when you get round to it",
        "(I'd|I would) like (that|this|it) (at some point|some day|one day|{later})",
        "I (rarely|hardly|never) (use|need) it (anyway|these days|)",
        "(this has|it has|I give it) (a very|) low priority (for us|)",
        "{later} is (early enough|soon enough|fine|fine with me)",
    ),
    "normal": (
        "(please|) (let me know|tell me|write back|get back to me|give me an answer) (this week|soon|in the next days|)",
        "(a reply|an answer) (this week|next week|in the next (few|) days) would be (nice|fine|good|enough)",
        "(I look|we look|I'm looking) forward to (your (reply|answer)|hearing from you)",
        "(please|) (have a look|look into it|check this|check your records)",
        "(please|) (put|set) (this|it) right",
        "(what|how) (should|can) I do (next|now|about it)",
        "I (would like|hope) to (have this|see it) (sorted|solved|settled) (this week|in the next days|next week)",
        "can (someone|somebody|you) (on your side|) (help|look into this|check that)",
    ),
    "high": (
        "(I|we) (really|) (need|must have) (this|it|help|an answer|a solution|a fix|a person) {at_once}",
        "(please|) (help|act|hurry|react|fix (it|this)|call me|answer|do something|reply|send (it|somebody)|stop"
        " (it|this)) {at_once}",
        "(it|this|the matter) (has to|must|needs to) be (done|fixed|solved|sorted|settled|here|ready) {soon}",
        "(it|this) is (very|extremely|really|) (urgent|critical|an emergency|dangerous)",
        "(please|) hurry (up|), {event} (is|starts|begins|ends) {soon}",
        "{event} (is|starts|begins|takes place|ends) {soon}",
        "{event} (is|starts) {soon} and (I|we) (need|depend on|can't wait for) (this|it|you)",
        "{group} (is|are|cannot|can't) (waiting|blocked|work|stuck|at a standstill|standing around|queuing)"
        " (because of this|right now|)",
        "(nobody|no one) (here|) can (work|go on|sell anything|do anything) (without (it|this)|right now|until it works|)",
        "(we|I) (lose|are losing|am losing) (money|orders|customers|hundreds of euros|sales) (every|each|by the)"
        " (minute|hour)",
        "(every|each) (minute|hour|second) (counts|costs us money)",
        "(our|the) (shop|production|line|business|clinic|work) (is down|is at a standstill|has stopped|stands still|"
        "is offline)",
        "the deadline is {soon}",
        "(I|we) (leave|travel|fly|must go|move out|have to leave|go to court) {soon}",
        "(I|we) (have|must|need) to (submit|hand in|present|show|sign|pay|deliver) (it|everything|the papers|this) {soon}",
        "(the|my) (bank|office|depot|offer|plane|flight|train|shop) (closes|ends|runs out|leaves|goes) {soon}",
        "(I am|I'm|we are) (desperate|scared|in tears|stranded|in real trouble|losing everything)",
        "(we|I) (cannot|can't) wait (until (tomorrow|Monday|later)|any longer|another (day|hour))",
        "(I|we) (need|want) (it|this|that) {soon} (, please|at the latest|)",
        "(rent|wages|salaries|taxes|the bill|medicine) (must|has to|have to) be (paid|sent|here) {soon}",
        "(somebody|a child|my baby|an old man|a patient) (is in danger|is locked in|needs it|may die|will get hurt)"
        " {at_once}",
        "(it|the goods|the food|everything) will (be lost|spoil|be too late|be gone|be switched off) {soon}",
        "(please|) (drop everything|treat this as (critical|an emergency|top priority)), (it|this) (is|must be) {at_once}",
        "(I am|I'm) (on stage|on call|at the airport|at the door|on duty|due in court) {soon}",
        "(it|the (plan|offer|contract|period|trial)) (ends|runs out|renews|is renewed|closes) {soon}",
    ),
}


if __name__ == "__main__":
    for sample in training_tickets(seed=1, count=18):
        print(f"{sample.topic:9}{sample.urgency:7} {sample.prompt}")
