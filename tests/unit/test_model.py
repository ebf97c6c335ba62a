"""Model files: what they add, and what is said of those that are wrong."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from fpuscan.errors import ModelError
from fpuscan.model import load_model

_SOURCE = '[[source]]\nid = "vendor"\nkind = "config"\nvariable = "vendor_cfg"\nwhy = "a vendor\'s"\n'
_SINK = '[[sink]]\nid = "vendor"\nkind = "{kind}"\nwhat = "size"\nwhy = "a vendor\'s"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[source]\n", "not a TOML file"),
        ("[[sauce]]\n", "unknown table 'sauce' \\(known: accessors, .*\\)"),
        ("[source]\n", "'source' must be a list of tables, written \\[\\[source\\]\\]"),
        ("source = [3]\n", r"\[\[source\]\] row 1 must be a table"),
        ('[[source]]\nid = "x"\nkind = "config"\n', r"\[\[source\]\] row 1: key 'why' is missing"),
        (_SOURCE + "membre = 'x'\n", r"\[\[source\]\] row 1: unknown key 'membre' \(known: bits, "),
        (_SOURCE + "member = 3\n", "row 1: key 'member' must be a string, not 3"),
        (_SOURCE + "format = 1\n", "row 1: key 'format' must be true or false, not 1"),
        (_SOURCE + "bits = 'X'\n", "row 1: key 'bits' must be a list of strings, not 'X'"),
        (_SOURCE.replace("config", "konfig"), "row 1: key 'kind' must be one of config, .*, not 'konfig'"),
        (_SOURCE.replace("variable", "commit"), "row 1: key 'variable' is missing"),
        (_SOURCE + _SOURCE, "row 2: key 'id' is taken already: 'vendor'"),
        (_SOURCE.replace('"vendor"', '"guest-config"'), "row 1: key 'id' is taken already: 'guest-config'"),
        (_SINK.format(kind="place"), r"row 1: key 'member' is missing \(kind is 'place'\)"),
        (_SINK.format(kind="return"), r"row 1: key 'function' is missing \(kind is 'return'\)"),
        (_SINK.format(kind="argument") + 'function = "f"\n', "row 1: key 'index' is missing"),
        (_SINK.format(kind="argument") + 'function = "f"\nindex = true\n', "key 'index' must be a number, not True"),
        (_SINK.format(kind="local") + 'function = "f"\n', r"row 1: key 'variable' is missing"),
        ("[iterators]\neach = 'x'\n", r"\[iterators\]: key 'each' must be a list of numbers, not 'x'"),
        ("[types]\nname = 3\n", r"\[types\]: key 'name' must be a string, not 3"),
        ("types = 3\n", r"'types' must be a table, written \[types\]"),
        ("[silent]\nfunctions = 3\n", r"\[silent\]: key 'functions' must be a list of strings, not 3"),
        ("[silent]\nmacros = []\n", r"\[silent\]: unknown key 'macros' \(known: functions\)"),
        ("[scope]\nfolders = 3\n", r"\[scope\]: key 'folders' must be a list of strings, not 3"),
        ("[masks]\nuser = 3\n", r"\[masks\]: key 'user' must be a string, not 3"),
        ("[masks]\nusers = 'X'\n", r"\[masks\]: unknown key 'users'"),
    ],
)
def test_a_malformed_model_is_one_line_with_file_table_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "vendor.toml"
    file.write_text(text)
    with pytest.raises(ModelError, match=said) as caught:
        load_model((str(file),))
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_model_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.toml: cannot read the model: No such file"):
        load_model((str(tmp_path / "none.toml"),))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"binary\.toml: not a TOML file"):
        load_model((str(tmp_path / "binary.toml"),))


def test_rows_are_added_behind_the_built_in_ones(tmp_path: Path) -> None:
    built_in = load_model()
    (tmp_path / "vendor.toml").write_text(_SOURCE + "[types]\nvendor_t = 'u64'\n[silent]\nfunctions = ['vendor_log']\n")
    model = load_model((str(tmp_path / "vendor.toml"),))
    assert [source.id for source in model.sources] == [*(source.id for source in built_in.sources), "vendor"]
    assert model.types == {**built_in.types, "vendor_t": "u64"}
    assert model.silent == built_in.silent | {"vendor_log"}
    assert model.sinks == built_in.sinks


def test_a_row_about_an_accessor_is_about_the_others_with_its_operands(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    row = '[[sink]]\nid = "{0}"\nkind = "argument"\nwhat = "size"\nfunction = "{0}"\nindex = 0\nwhy = "a test\'s"\n'
    names = ("put_user", "__copy_to_user", "vendor_put")
    file.write_text("".join(map(row.format, names)) + '[accessors]\nvendor_put = ["vendor_put_unsafe"]\n')
    found: dict[str, list[str]] = {name: [] for name in names}
    for sink in load_model((str(file),)).sinks:
        if sink.id in found:
            found[sink.id].append(sink.function)
    assert found == {
        "put_user": ["put_user", "__put_user", "unsafe_put_user"],
        "__copy_to_user": ["__copy_to_user"],
        "vendor_put": ["vendor_put", "vendor_put_unsafe"],
    }


def test_the_scope_grows_and_a_mask_is_replaced(tmp_path: Path) -> None:
    built_in = load_model()
    folder = built_in.scope.folders[0]
    (tmp_path / "vendor.toml").write_text(
        f"[scope]\nfolders = ['drivers/vendor', '{folder}']\n[masks]\nuser = 'VENDOR_USER'\n"
    )
    model = load_model((str(tmp_path / "vendor.toml"),))
    assert model.scope.folders == (*built_in.scope.folders, "drivers/vendor")
    assert model.scope.files == built_in.scope.files
    assert model.masks.user == "VENDOR_USER"
    assert model.masks.dynamic == built_in.masks.dynamic


def test_every_advice_is_about_some_sink_and_fits_its_words() -> None:
    """A pattern that fits no sink is a slip; advice is one sentence or more, as the rules' own."""
    model = load_model()
    ids = [row.id for row in model.sinks]

    unused = [each for row in model.advice for each in row.sinks if not any(fnmatchcase(name, each) for name in ids)]

    assert unused == []
    assert all(row.fix.endswith(".") for row in model.advice)
