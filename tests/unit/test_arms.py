"""Under which configuration a byte is compiled."""

from __future__ import annotations

import pytest

from fpuscan.parse.arms import ArmIndex, ConfigLiteral, arm_conditions, contradict
from fpuscan.parse.normalise import learn_attributes, normalise
from fpuscan.parse.normalise.values import Normalised

PATH = "arch/x86/kernel/fpu/sample.c"
KVM = ConfigLiteral("CONFIG_KVM", value=True)
NO_KVM = ConfigLiteral("CONFIG_KVM", value=False)
SMM = ConfigLiteral("CONFIG_SMM", value=True)


def read(code: str) -> Normalised:
    return normalise(code.encode(), learn_attributes([]))


def literals(code: str, mark: str = "mark") -> tuple[ConfigLiteral, ...]:
    return arm_conditions(read(code), PATH, code.index(mark))


def configs(code: str, mark: str = "mark") -> set[ConfigLiteral]:
    return {literal for literal in literals(code, mark) if literal.is_config}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("#ifdef CONFIG_KVM", {KVM}),
        ("#ifndef CONFIG_KVM", {NO_KVM}),
        ("#if defined(CONFIG_KVM)", {KVM}),
        ("#if defined CONFIG_KVM", {KVM}),
        ("#if !defined(CONFIG_KVM)", {NO_KVM}),
        ("#if IS_ENABLED(CONFIG_KVM)", {KVM}),
        ("#if !IS_ENABLED(CONFIG_KVM)", {NO_KVM}),
        ("#if IS_REACHABLE(CONFIG_KVM) && IS_BUILTIN(CONFIG_SMM)", {KVM, SMM}),
        ("#if (defined(CONFIG_KVM) && (defined(CONFIG_SMM)))", {KVM, SMM}),
        ("#if defined(CONFIG_KVM) && LEVELS > 4", {KVM}),
        ("#if defined(CONFIG_KVM) || defined(CONFIG_SMM)", set()),
        ("#if !(!defined(CONFIG_KVM) || !defined(CONFIG_SMM))", {KVM, SMM}),
        ("#if CONFIG_KVM", {KVM}),
        ("#if 1 && defined(CONFIG_KVM)", {KVM}),
        ("#if 0 || defined(CONFIG_KVM)", {KVM}),
        ("#if LEVELS == 4", set()),
        ("#if defined(CONFIG_KVM", set()),
        ("#if ((LEVELS) + 1) > 4 && defined(CONFIG_KVM)", {KVM}),
        ("#if", set()),
        ("#ifdef", set()),
    ],
)
def test_a_condition_gives_the_literals_that_follow_from_it(condition: str, expected: set[ConfigLiteral]) -> None:
    """An `&&` gives both sides, an `||` none, a negation the opposite."""
    found = configs(f"int before;\n{condition}\nint mark;\n#endif\nint after;\n")

    assert expected == found


def test_the_else_arm_holds_where_the_condition_does_not() -> None:
    code = "int a;\n#if defined(CONFIG_KVM) || defined(CONFIG_SMM)\nint b;\n#else\nint mark;\n#endif\n"

    assert {NO_KVM, ConfigLiteral("CONFIG_SMM", value=False)} == configs(code)


def test_an_else_of_a_conjunction_says_nothing_about_either() -> None:
    code = "int a;\n#if defined(CONFIG_KVM) && defined(CONFIG_SMM)\nint b;\n#else\nint mark;\n#endif\n"

    assert set() == configs(code)


def test_an_elif_arm_excludes_the_arms_before_it() -> None:
    code = "int a;\n#ifdef CONFIG_KVM\nint b;\n#elif defined(CONFIG_SMM)\nint mark;\n#endif\n"

    assert {NO_KVM, SMM} == configs(code)


def test_the_arms_of_one_group_contradict_each_other_whatever_they_test() -> None:
    code = "int a;\n#if LEVELS == 4\nint one;\n#elif LEVELS == 5\nint two;\n#else\nint three;\n#endif\nint b;\n"
    arms = [literals(code, name) for name in ("one", "two", "three")]

    assert all(contradict(left, right) for left in arms for right in arms if left is not right)
    assert not any(contradict(arm, literals(code, "int b")) for arm in arms)


def test_arms_of_two_groups_contradict_only_through_the_configuration() -> None:
    code = (
        "int a;\n#ifdef CONFIG_KVM\nint one;\n#else\nint two;\n#endif\n"
        "#ifdef CONFIG_KVM\nint three;\n#else\nint four;\n#endif\n"
    )

    assert contradict(literals(code, "one"), literals(code, "four"))
    assert not contradict(literals(code, "one"), literals(code, "three"))


def test_a_group_with_one_opaque_arm_is_named_after_its_place() -> None:
    code = "int a;\n#ifdef MODULE\nint mark;\n#endif\nint b;\n"
    (literal,) = literals(code)

    assert ConfigLiteral(f"arm:{PATH}:{code.index('#ifdef')}", 0) == literal
    assert f"arm:{PATH}:{code.index('#ifdef')}=0" == str(literal)


def test_nested_arms_add_up_from_the_outside_in() -> None:
    code = "int a;\n#ifdef CONFIG_KVM\n#ifdef CONFIG_SMM\nint mark;\n#endif\nint out;\n#endif\nint end;\n"

    assert literals(code) == (KVM, SMM)
    assert literals(code, "int out") == (KVM,)
    assert literals(code, "int end") == ()


@pytest.mark.parametrize(
    "code",
    [
        "#ifndef X_H\n#define X_H\nint mark;\n#endif\n",
        "#if !defined(X_H) || defined(AGAIN)\n#define X_H\nint mark;\n#endif\n",
        "int a;\n#ifndef LIMIT\n#define LIMIT 4\nint mark;\n#endif\nint b;\n",
    ],
)
def test_an_include_guard_and_a_default_definition_say_nothing(code: str) -> None:
    assert literals(code) == ()


def test_a_file_that_is_one_configuration_is_no_include_guard() -> None:
    assert literals("#ifdef CONFIG_KVM\nint mark;\n#endif\n") == (KVM,)


def test_code_that_no_build_compiles_is_dead() -> None:
    code = "int a;\n#ifdef __ASSEMBLER__\nint one;\n#else\nint two;\n#endif\n#if 0\nint three;\n#endif\n"
    index = ArmIndex(read(code), PATH)

    assert [index.is_dead(code.index(name)) for name in ("one", "two", "three")] == [True, False, True]
    assert index.at(code.index("two")) == ()


@pytest.mark.parametrize(
    "code",
    [
        "#if !defined(CONFIG_KVM) && IS_ENABLED(CONFIG_KVM)\nint mark;\n#endif\n",
        "#ifdef CONFIG_KVM\nint one;\n#ifndef CONFIG_KVM\nint mark;\n#endif\n#endif\n",
        "#ifdef CONFIG_KVM\nint one;\n#elif defined(CONFIG_KVM)\nint mark;\n#endif\n",
    ],
)
def test_an_arm_whose_conditions_contradict_each_other_is_dead(code: str) -> None:
    code = f"int a;\n{code}int end;\n"
    index = ArmIndex(read(code), PATH)

    assert index.is_dead(code.index("mark"))
    assert contradict(literals(code), literals(code))
    assert not index.is_dead(code.index("end"))


def test_behind_an_arm_that_every_build_takes_nothing_is_compiled() -> None:
    code = "int a;\n#if defined(__KERNEL__)\nint one;\n#elif defined(CONFIG_KVM)\nint two;\n#endif\n"
    index = ArmIndex(read(code), PATH)

    assert index.at(code.index("one")) == ()
    assert index.is_dead(code.index("two"))


def test_a_file_that_changes_under_its_path_is_read_again() -> None:
    assert literals("int a;\n#ifdef CONFIG_KVM\nint mark;\n#endif\n") == (KVM,)
    assert literals("int a;\n#ifdef CONFIG_SMM\nint mark;\n#endif\n") == (SMM,)


def test_literals_are_shown_as_people_write_them() -> None:
    assert [str(KVM), str(NO_KVM)] == ["CONFIG_KVM", "!CONFIG_KVM"]


@pytest.mark.parametrize("condition", ["(" * 5000, "!" * 5000, "defined(A) || " * 5000 + "1", "1 && " * 5000])
def test_an_endless_condition_is_opaque(condition: str) -> None:
    """Incident class: hostile nesting must neither raise nor take the machine down."""
    assert set() == configs(f"int a;\n#if {condition}\nint mark;\n#endif\n")


def test_an_endless_elif_chain_takes_no_endless_time() -> None:
    chain = "".join(f"#elif defined(CONFIG_A{number})\nint x{number};\n" for number in range(2000))
    code = f"int a;\n#ifdef CONFIG_KVM\nint b;\n{chain}#else\nint mark;\n#endif\n"

    assert NO_KVM in literals(code)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("#ifdef CONFIG_KVM", {NO_KVM}), ("#ifndef CONFIG_KVM", {KVM}), ("#if OTHER > 2", set())],
)
def test_what_must_hold_for_no_arm_to_be_compiled(condition: str, expected: set[ConfigLiteral]) -> None:
    normalised = read(f"int a;\n#ifdef CONFIG_SMM\n{condition}\nint mark;\n#endif\n#endif\nint b;\n")
    index, group = ArmIndex(normalised, PATH), normalised.groups[1]

    none = index.otherwise(group)

    assert {literal for literal in none if literal.is_config} == expected | {SMM}
    assert contradict(none, index.at(normalised.text.index(b"mark")))
