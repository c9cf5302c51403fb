"""Validation of requests, with the sentences of the panel's framework."""

import pytest

from droidrack.virtual.panel.form import Form, Invalid


def errors_of(form: Form) -> dict[str, list[str]]:
    """What the form refuses."""
    with pytest.raises(Invalid) as refusal:
        form.check()
    return refusal.value.errors


@pytest.mark.parametrize("body", [None, 7, "text", [], {}])
def test_form_without_an_object_misses_every_field(body: object) -> None:
    """What is not an object counts as an empty one."""
    form = Form(body)
    form.text("label")
    assert {"label": ["The label field is required."]} == errors_of(form)


def test_form_collects_every_mistake_and_sums_them_up() -> None:
    """One sentence, and how many more."""
    form = Form({"label": 7, "slot": True, "active": "yes"})
    form.text("label")
    form.integer("slot", 0, 7)
    form.boolean("active")
    with pytest.raises(Invalid) as refusal:
        form.check()
    assert ["label", "slot", "active"] == list(refusal.value.errors)
    assert "The label field must be a string. (and 2 more errors)" == refusal.value.summary


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("2026-05-23 12:01:14", True),
        ("2026-02-30 12:01:14", False),
        ("2026-05-23T12:01:14", False),
        ("2026-05-23 12:01:14Z", False),
        ("2026-05-23 12:01:14.5", False),
        ("2026-05-23 25:01:14", False),
        ("2026-05-23 12:01", False),
        ("\u0662026-05-23 12:01:14", False),
        (1_700_000_000, False),
    ],
)
def test_moment_has_one_format(value: object, good: bool) -> None:
    """The page's own, and a day that exists."""
    form = Form({"at": value})
    form.moment("at")
    assert good is not form.errors.__contains__("at")


@pytest.mark.parametrize(
    ("value", "good"), [(0, True), (1, True), (True, True), (2, False), ("1", False), (1.0, False)]
)
def test_boolean_takes_true_false_one_and_zero(value: object, good: bool) -> None:
    """Words are refused."""
    form = Form({"active": value})
    form.boolean("active")
    assert good is not bool(form.errors)


def test_lone_surrogate_is_refused() -> None:
    """It could not be stored."""
    form = Form({"label": "\ud83d"})
    form.text("label")
    assert {"label": ["The label field must be valid UTF-8."]} == errors_of(form)


def test_nested_form_names_the_whole_path() -> None:
    """As the framework does for lists."""
    form = Form({}, "statuses.3.")
    form.text("uid")
    assert ["statuses.3.uid"] == list(errors_of(form))


def test_items_beyond_the_limit_are_refused() -> None:
    """A list has a longest length."""
    form = Form({"statuses": [1, 2, 3]})
    assert [] == form.items("statuses", 2)
    assert ["statuses"] == list(errors_of(form))
