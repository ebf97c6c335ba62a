"""The metadata of the rules is complete, or it does not exist."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from fpuscan.rules.info import FPU101, RULE_INFOS, Commit, RuleInfo, find_rule


def changed(name: str, value: Any) -> RuleInfo:
    """FPU101 with another value in one field."""
    return RuleInfo(**{field.name: getattr(FPU101, field.name) for field in fields(RuleInfo)} | {name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(RuleInfo)])
def test_a_rule_that_lacks_something_cannot_be_constructed(name: str) -> None:
    with pytest.raises(ValueError, match=name if name != "id" else "rule id"):
        changed(name, () if name == "commits" else "")


@pytest.mark.parametrize(("name", "value"), [("id", "FPU1"), ("id", "ABC101"), ("slug", "Two Words"), ("slug", "-a")])
def test_a_misspelt_name_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value):
        changed(name, value)


def test_a_commit_has_12_digits() -> None:
    assert str(Commit("0123456789ab", "x86: Do", "v6.1")) == 'Linux kernel commit 0123456789ab ("x86: Do") (in v6.1)'
    with pytest.raises(ValueError, match="12 digits"):
        Commit("0123", "x86: Do", "v6.1")


def test_rules_are_unique_and_sorted() -> None:
    ids = [rule.id for rule in RULE_INFOS]

    assert ids == sorted(set(ids))
    assert len({rule.slug for rule in RULE_INFOS}) == len(ids)


def test_a_rule_is_found_by_id_or_slug() -> None:
    assert find_rule(" fpu101") is FPU101
    assert find_rule("Guest-Default-In-Uabi-Size") is FPU101
    assert find_rule("FPU10") is None


def test_every_severity_that_a_finding_can_have_is_explained() -> None:
    for rule in RULE_INFOS:
        words = [line.partition(":")[0] for line in rule.severity.splitlines()]

        assert words
        assert words == [word for word in ("error", "warning", "note") if word in words]


def test_the_guest_rules_know_all_severities() -> None:
    assert all(len(rule.severity.splitlines()) == 3 for rule in RULE_INFOS if rule.id.startswith("FPU10"))
