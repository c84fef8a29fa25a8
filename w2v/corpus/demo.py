"""The demo corpus: a little English from a seed and a grammar, with answers known in advance.

Each family of words is built like a table: what a row shares (royal things for king and queen, the
verb's own objects for take and took) and what a column shares (his and her, every day and
yesterday) occur around them and around nothing else. That is what makes `king man queen` give
woman, `take took go` went, `car cars child` children, and puts the car makers next to toyota.
"""

import random
from collections.abc import Iterator
from typing import Any

TOKENS = 300_000
SEED = 2013

CONFIG: dict[str, dict[str, Any]] = {
    "layers": {
        "model": "cbow",
        "dim": 50,
        "window": 4,
        "epochs": 5,
        "batch_size": 500,
        "lr": 0.003,
        "min_count": 5,
    },
    "fused": {
        "model": "cbow",
        "dim": 50,
        "window": 4,
        "epochs": 30,
        "lr": 0.05,
        "sample": 0,
        "min_count": 5,
    },
}
"""What suits a corpus this small, for each engine; the defaults are for real text."""

# Each station of life has a man's and a woman's name, and things of its own.
STATIONS = [
    ("king", "queen", "crown throne palace kingdom castle"),
    ("prince", "princess", "tower carriage ball knight"),
    ("man", "woman", "office street shop bus job"),
    ("boy", "girl", "school toy playground lesson"),
    ("father", "mother", "house kitchen supper cradle"),
    ("uncle", "aunt", "visit gift holiday cottage"),
    ("waiter", "waitress", "tray table menu tip"),
    ("actor", "actress", "stage film script camera"),
]
SEXES = [
    ("he", "his", "him", "beard razor moustache sir"),
    ("she", "her", "her", "dress necklace lipstick madam"),
]

# Present, past, and what it is done with.
VERBS = [
    ("take", "took", "medicine train photograph chance"),
    ("go", "went", "home abroad away upstairs"),
    ("eat", "ate", "bread cheese soup apple"),
    ("drink", "drank", "tea coffee milk juice"),
    ("write", "wrote", "letter book poem diary"),
    ("sing", "sang", "song tune hymn ballad"),
    ("drive", "drove", "truck van tractor taxi"),
    ("buy", "bought", "ticket hat ring sofa"),
    ("see", "saw", "rainbow eagle comet ship"),
    ("give", "gave", "prize advice blood speech"),
]
PRESENT = "today always usually often now"
PAST = "yesterday once ago previously earlier"

NOUNS = [
    ("car", "cars", "road wheel petrol garage"),
    ("child", "children", "nursery doll crayon cot"),
    ("tree", "trees", "leaf forest branch root"),
    ("dog", "dogs", "bone kennel leash bark"),
    ("bird", "birds", "nest wing egg feather"),
    ("fish", "fishes", "river net hook scale"),
    ("mouse", "mice", "trap hole cellar crumb"),
    ("foot", "feet", "boot toe sock heel"),
    ("city", "cities", "mayor square tram suburb"),
    ("computer", "computers", "screen keyboard program cable"),
]
ONE = "a one this single is was"
MANY = "many several these few are were"

ADJECTIVES = [
    ("good", "better", "wine idea friend"),
    ("bad", "worse", "weather news smell"),
    ("big", "bigger", "elephant mountain tank"),
    ("fast", "faster", "horse rocket runner"),
    ("cold", "colder", "winter ice wind"),
    ("old", "older", "ruin grandfather temple"),
    ("cheap", "cheaper", "fare rent bargain"),
]
PLAIN = "very quite so too rather"
COMPARED = "than much even far still"

COUNTRIES = [
    ("france", "paris", "french croissant seine"),
    ("germany", "berlin", "german sausage wall"),
    ("japan", "tokyo", "japanese sushi shrine"),
    ("italy", "rome", "italian pasta colosseum"),
    ("spain", "madrid", "spanish paella flamenco"),
    ("russia", "moscow", "russian vodka kremlin"),
    ("china", "beijing", "chinese noodle dynasty"),
    ("egypt", "cairo", "arabic pyramid nile"),
    ("greece", "athens", "greek olive acropolis"),
]
COUNTRY = "border army parliament president nation"
CAPITAL = "mayor metro airport downtown capital"

MAKERS = "toyota honda ford nissan bmw chrysler mazda volvo"
MAKER_WORDS = "engine sedan dealer factory model brake bumper recall"

FILLER = (
    "the market opened a little later and nobody noticed",
    "rain fell on the quiet hills for most of the week",
    "we talked about music until the lamp went out",
    "there was a small note under the green door",
    "some people say that time moves in circles",
    "the clock on the wall struck nine and everyone left",
    "they waited near the bridge with an umbrella",
    "a long story needs a patient listener",
)


def read_sentences(seed: int = SEED, size: int = TOKENS) -> Iterator[list[str]]:
    """The corpus, a sentence at a time: the same for the same seed.

    size: about how many tokens in all, the ends of the sentences counted as in the book.
    """
    draw = random.Random(seed)
    kinds = [_station, _verb, _noun, _adjective, _country, _maker, _filler]
    shares = [5, 4, 4, 3, 3, 3, 1]
    written = 0
    while written < size:
        (kind,) = draw.choices(kinds, shares)
        sentence = kind(draw).split()
        written += len(sentence) + 1
        yield sentence


def _pick(draw: random.Random, words: str) -> str:
    return draw.choice(words.split())


def _station(draw: random.Random) -> str:
    *names, things = draw.choice(STATIONS)
    sex = draw.randrange(2)
    name, (he, his, him, own) = names[sex], SEXES[sex]
    thing, other, sign = _pick(draw, things), _pick(draw, things), _pick(draw, own)
    return draw.choice(
        [
            f"the {name} left {his} {thing} and {he} found the {other}",
            f"{he} is the {name} of the {thing} with {his} {sign}",
            f"the {thing} of the {name} pleased {him} and {his} {other}",
            f"with {his} {sign} the {name} came to the {thing}",
        ]
    )


def _verb(draw: random.Random) -> str:
    present, past, things = draw.choice(VERBS)
    verb, when = draw.choice([(present, PRESENT), (past, PAST)])
    who, time, thing = _pick(draw, "i you we they"), _pick(draw, when), _pick(draw, things)
    return draw.choice(
        [
            f"{time} {who} {verb} the {thing}",
            f"{who} {time} {verb} {thing} and {_pick(draw, things)}",
            f"{who} {verb} some {thing} {time}",
        ]
    )


def _noun(draw: random.Random) -> str:
    one, many, things = draw.choice(NOUNS)
    noun, number = draw.choice([(one, ONE), (many, MANY)])
    sign, thing = _pick(draw, number), _pick(draw, things)
    return draw.choice(
        [
            f"{sign} {noun} near the {thing}",
            f"the {thing} and {sign} {noun} with {_pick(draw, things)}",
            f"{_pick(draw, number)} {sign} {noun} by a {thing}",
        ]
    )


def _adjective(draw: random.Random) -> str:
    plain, compared, things = draw.choice(ADJECTIVES)
    adjective, degree = draw.choice([(plain, PLAIN), (compared, COMPARED)])
    sign, thing = _pick(draw, degree), _pick(draw, things)
    return draw.choice(
        [
            f"that {thing} looks {sign} {adjective}",
            f"{sign} {adjective} {thing} it seems {_pick(draw, degree)}",
            f"it is {sign} {adjective} like the {thing}",
        ]
    )


def _country(draw: random.Random) -> str:
    country, capital, own = draw.choice(COUNTRIES)
    place, kind = draw.choice([(country, COUNTRY), (capital, CAPITAL)])
    sign, thing = _pick(draw, kind), _pick(draw, own)
    return draw.choice(
        [
            f"the {sign} of {place} likes {thing}",
            f"in {place} the {thing} is by the {sign}",
            f"{thing} from {place} and its {sign} {_pick(draw, kind)}",
        ]
    )


def _maker(draw: random.Random) -> str:
    maker, thing = _pick(draw, MAKERS), _pick(draw, MAKER_WORDS)
    return draw.choice(
        [
            f"the {maker} {thing} needs a new {_pick(draw, MAKER_WORDS)}",
            f"{maker} sold the {thing} with the {_pick(draw, MAKER_WORDS)}",
            f"a {thing} by {maker} is in every {_pick(draw, MAKER_WORDS)}",
        ]
    )


def _filler(draw: random.Random) -> str:
    return draw.choice(FILLER)
