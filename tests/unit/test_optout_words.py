"""Which texts ask for an end, and which only speak of one."""

import pytest

from droidrack.core.optout_words import LANGUAGES, LONGEST, Intent, folded, keywords

ALL = keywords()


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop! ",
        "\u200bStop.\n",
        "Stopp",
        "ARRET",
        "arrêt",
        "Désabonner",
        "BAJA",
        "Dar  de baja",
        "sair",
        "AFMELDEN",
        "rezygnuje",
        "Rezygnuję",
        "sluta",
        "opt-out",
        "Стоп",
        "ΣΤΟΠ",
        "διακοπη",
        "الغاء",
        "रोकें",
        "退订",
        "수신거부",
        "İPTAL",
    ],
)
def test_stop_word_alone_is_a_stop_in_any_spelling(text: str) -> None:
    """Case, accents, punctuation and blanks make no difference."""
    assert Intent.STOP is ALL.intent(text)


@pytest.mark.parametrize("text", ["START", "unstop", "Réabonner", "Meld på", "wznow", "订阅"])
def test_start_word_alone_is_a_start(text: str) -> None:
    """Who left may come back."""
    assert Intent.START is ALL.intent(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?!",
        "🛑",
        "please stop by at six",
        "stop it",
        "non-stop",
        "the end",
        "no",
        "yes",
        "seis",
        "रक",
        "stop" + " " * LONGEST,
    ],
)
def test_text_that_is_no_word_alone_asks_for_nothing(text: str) -> None:
    """A word counts only as the whole text; a long one is none, however it ends."""
    assert ALL.intent(text) is None


def test_keywords_of_named_languages_know_no_others() -> None:
    """A site may narrow what counts."""
    german = keywords(("de",))
    assert (Intent.STOP, None) == (german.intent("Abmelden"), german.intent("unsubscribe"))


def test_keywords_of_a_site_count_beside_the_languages_and_stop_wins() -> None:
    """A word that a site calls both is the one that cannot harm."""
    own = keywords(("en",), stop=("Genug!", "go"), start=("go", "ja bitte"))
    assert Intent.STOP is own.intent("genug")
    assert Intent.STOP is own.intent("GO")
    assert Intent.START is own.intent("Ja, bitte!")
    assert Intent.STOP is own.intent("stop")


def test_keywords_no_word_of_a_language_is_both_or_folds_to_nothing() -> None:
    """The tables hold no entry that could not work."""
    for language in LANGUAGES:
        words = keywords((language,)).words
        assert words
        assert all(word == folded(word) and len(word) < LONGEST / 2 for word in words)
    assert set(Intent) == set(ALL.words.values())
    assert Intent.START is ALL.words["start"]
