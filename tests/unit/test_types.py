"""What a name is, and what its members are."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import learn_attributes
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import ParsedFile, parse, parse_snippet
from fpuscan.symbols.declarators import CType, declared_in, parse_type, specifier_type
from fpuscan.symbols.types import TypeTable

ATTRIBUTES = learn_attributes([])
U64 = CType("u64")
UINT = CType("unsigned int")


def parsed(code: str, path: str = "a.h") -> ParsedFile:
    return parse(SourceFile(path, code.encode()), ATTRIBUTES)


def table(code: str = "", **files: str) -> TypeTable:
    """The types of a.h, and of files by name: `b_c` is b.c."""
    types = TypeTable()
    if code:
        types.add_file(parsed(code))
    for name, text in files.items():
        types.add_file(parsed(text, name.replace("_", ".")))
    return types


def shown(members: dict[str, CType] | None) -> dict[str, str]:
    assert members is not None
    return {name: str(ctype) for name, ctype in members.items()}


# ---------------------------------------------------------------- types


def test_a_pointer_leads_to_what_it_points_to() -> None:
    pointer = CType("struct fpu", 1)

    assert pointer.is_pointer
    assert pointer.pointee() == CType("struct fpu")
    assert CType("struct fpu").pointer_to() == pointer
    assert CType("struct fpu").pointee() is None


def test_an_array_has_elements_from_the_outside_in() -> None:
    array = CType("u64", 1, (2, 3))

    assert array.is_array
    assert not array.is_pointer
    assert array.element() == CType("u64", 1, (3,))
    assert array.pointee() == array.element()
    assert U64.array_of(4) == CType("u64", 0, (4,))
    assert array.pointer_to() == CType("u64", 4)


def test_only_a_record_by_value_is_a_struct() -> None:
    types = [
        CType("struct fpu"),
        CType("union x"),
        CType("struct fpu", 1),
        CType("struct fpu", 0, (2,)),
        CType("enum e"),
        U64,
    ]

    assert [each.is_struct for each in types] == [True, True, False, False, False, False]
    assert [each.is_record for each in types] == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("ctype", "text"),
    [
        (U64, "u64"),
        (CType("struct fpu", 2), "struct fpu **"),
        (CType("u8", 1, (3, None)), "u8 *[3][]"),
        (CType("function", 1, (2,), function=True, result=CType("int")), "int (*[2])()"),
    ],
)
def test_a_type_is_shown_as_c_has_it(ctype: CType, text: str) -> None:
    assert text == str(ctype)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u64", U64),
        ("struct fpu *", CType("struct fpu", 1)),
        ("const struct fpu *const", CType("struct fpu", 1)),
        ("struct _fpx_sw_bytes __user *", CType("struct _fpx_sw_bytes", 1)),
        ("union fpregs_state", CType("union fpregs_state")),
        ("enum xfeature", CType("enum xfeature")),
        ("unsigned", UINT),
        ("unsigned int", UINT),
        ("long unsigned int", CType("unsigned long")),
        ("unsigned long long", CType("unsigned long long")),
        ("signed char", CType("signed char")),
        ("signed", CType("int")),
        ("short int", CType("short")),
        ("void **", CType("void", 2)),
        ("u8 [4][]", CType("u8", 0, (4, None))),
        ("struct fpu *fpu", CType("struct fpu", 1)),
        ("void (*)(int *)", CType("function", 1, function=True, result=CType("void"))),
        ("int (int)", CType("int")),
        ("typeof(x)", CType("typeof(x)")),
        ("u64 /* bits * */", U64),
        ("", CType("int")),
    ],
)
def test_a_type_is_read_from_its_text(text: str, expected: CType) -> None:
    assert expected == parse_type(text)


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("int x;", {"x": "int"}),
        ("struct cfg a, *b, c[2];", {"a": "struct cfg", "b": "struct cfg *", "c": "struct cfg[2]"}),
        ("u64 *const *p = 0;", {"p": "u64 **"}),
        ("u8 a[3][N];", {"a": "u8[3][]"}),
        ("u8 a[0x10], b[09];", {"a": "u8[16]", "b": "u8[]"}),
        ("int (*f)(void);", {"f": "int (*)()"}),
        ("struct fpu *(*f[3])(int);", {"f": "struct fpu * (*[3])()"}),
        ("struct fpu *f(int);", {"f": "struct fpu * ()()"}),
        ("int (*p)[4];", {"p": "int **"}),
        ("int (x);", {"x": "int"}),
        ("typeof(y) x;", {"x": "typeof(y)"}),
        ("unsigned x;", {"x": "unsigned int"}),
    ],
)
def test_declarators_are_read_inside_out(declaration: str, expected: dict[str, str]) -> None:
    node = parse_snippet(declaration.encode()).named_children[0]

    assert expected == {each.name: str(each.type) for each in declared_in(node, declaration.encode())}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct fpu *", "struct fpu *"),
        ("u64", "u64"),
        ("int (*)(void)", "int (*)()"),
        ("u8 [4]", "u8[4]"),
    ],
)
def test_a_type_name_is_read_from_its_node(text: str, expected: str) -> None:
    code = f"int x = ({text}){{0}};".encode()
    node = parse_snippet(code).named_children[0].children_by_field_name("declarator")[0].child_by_field_name("value")
    descriptor = node.child_by_field_name("type") if node is not None else None

    assert descriptor is not None
    assert str(specifier_type(descriptor, code)) == expected


def test_a_declarator_of_hundreds_of_levels_ends() -> None:
    code = f"int {'*' * 120}x;"
    node = parse_snippet(code.encode()).named_children[0]

    assert [each.name for each in declared_in(node, code.encode())] == [""]


# ---------------------------------------------------------------- members


def test_members_come_in_order_with_their_types() -> None:
    types = table(
        "struct fpu {\n\tunsigned int size : 3;\n\tstruct fpstate *fpstate, *task;\n"
        "\tstruct fpu_state_perm perm;\n\tu64 words[4] __aligned(64);\n\tint (*fn)(int);\n};\n"
    )

    assert shown(types.members("struct fpu")) == {
        "size": "unsigned int",
        "fpstate": "struct fpstate *",
        "task": "struct fpstate *",
        "perm": "struct fpu_state_perm",
        "words": "u64[4]",
        "fn": "int (*)()",
    }


def test_a_struct_without_a_body_has_no_members() -> None:
    types = table("struct fpu;\nstruct fpu *p;\nstruct my_struct_fpu { int x; };\n")

    assert types.members("struct fpu") is None
    assert types.union_group("struct fpu", "x") is None


def test_members_of_anonymous_structs_are_members_of_the_outer_one() -> None:
    types = table("struct s {\n\tint a;\n\tstruct {\n\t\tint b;\n\t\tstruct { int c; };\n\t};\n\tint d;\n};\n")

    assert list(types.members("struct s") or ()) == ["a", "b", "c", "d"]


def test_members_of_an_anonymous_union_share_one_group() -> None:
    types = table(
        "struct s {\n\tu64 a;\n\tunion {\n\t\tu64 b;\n\t\tstruct { u32 c; u32 d; };\n\t};\n"
        "\tunion { u32 e; u32 f; };\n\tu64 g;\n};\n"
    )
    groups = {name: types.union_group("struct s", name) for name in "abcdefg"}

    assert groups["b"] == groups["c"] == groups["d"] == "<union b>"
    assert groups["e"] == groups["f"] == "<union e>"
    assert groups["a"] is None
    assert groups["g"] is None
    assert types.is_union_member("struct s", "c")
    assert not types.is_union_member("struct s", "a")


def test_a_union_that_begins_with_a_struct_is_called_after_its_first_member() -> None:
    types = table("union u {\n\tstruct { int a; int b; };\n\tint c;\n};\n")

    assert {"<union a>"} == {types.union_group("union u", name) for name in "abc"}


def test_a_struct_declared_inside_another_is_known_by_its_tag() -> None:
    types = table("struct outer {\n\tstruct inner { u64 x; } member;\n\tu64 y;\n};\n")

    assert shown(types.members("struct outer")) == {"member": "struct inner", "y": "u64"}
    assert shown(types.members("struct inner")) == {"x": "u64"}


def test_a_member_struct_without_a_tag_is_called_after_its_member() -> None:
    types = table("struct outer {\n\tstruct {\n\t\tunion { u64 x; } *deep;\n\t} st;\n};\n")

    assert shown(types.members("struct outer")) == {"st": "struct <outer.st>"}
    assert shown(types.members("struct <outer.st>")) == {"deep": "union <outer.st.deep> *"}
    assert shown(types.members("union <outer.st.deep>")) == {"x": "u64"}


def test_a_tagged_struct_can_be_embedded_without_a_name() -> None:
    """The kernel builds with -fms-extensions since v6.19."""
    types = table("struct base { u64 x; union { u8 y; u8 z; }; };\nstruct s { struct base; u64 w; };\n")

    assert list(types.members("struct s") or ()) == ["x", "y", "z", "w"]
    assert types.union_group("struct s", "z") == "<union y>"


def test_a_struct_that_embeds_itself_ends() -> None:
    assert table("struct s { struct s; int x; };\n").members("struct s") == {"x": CType("int")}


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        (("u32", "u64"), "u64"),
        (("u64", "u32"), "u64"),
        (("u32", "int"), "int"),
        (("struct a", "u64"), "struct a"),
    ],
)
def test_a_member_of_two_widths_has_the_larger_one(arms: tuple[str, str], expected: str) -> None:
    """Bits 32 to 63 of a mask were cut off, since the first of two arms declares an u32."""
    types = table(f"struct s {{\n#ifdef CONFIG_A\n{arms[0]} m;\n#else\n{arms[1]} m;\n#endif\n}};\n")
    members = types.members("struct s")

    assert members is not None
    assert members["m"].base == expected


def test_bodies_of_several_arms_are_one_struct() -> None:
    types = table("#ifdef CONFIG_A\nstruct s { int a; };\n#else\nstruct s { int b; };\n#endif\n")

    assert list(types.members("struct s") or ()) == ["a", "b"]


def test_a_struct_that_does_not_parse_in_its_file_is_read_alone() -> None:
    types = table("struct s {\n\tu64 a;\n\t@ $ ) broken (;\n\tu64 b;\n};\nint x;\n")

    assert "a" in (types.members("struct s") or ())


@pytest.mark.parametrize("code", ["} } )\nstruct s {\n\tu64 a;\n}\nint x;", "x = struct s { u64 a; ) };\n"])
def test_a_struct_that_is_in_no_tree_is_read_from_its_text(code: str) -> None:
    """The safety net takes what does not parse out of the tree; its types are still wanted."""
    assert table(code).members("struct s") == {"a": U64}


def test_a_struct_that_never_ends_has_no_members() -> None:
    assert table("struct s {\n\tu64 a;\n\tu64 b\n\n").members("struct s") is None


@pytest.mark.parametrize(
    "code",
    [
        "struct s {" * 5000,
        "struct s { int x; };\n" * 5000,
        f"int {'x,' * 20_000}y;\n",
        f"int x = {'{' * 20_000}{'}' * 20_000};\n",
        f"struct s {{ {'int a; ' * 5000} }};\n",
        "int f(int x);\n" * 2000,
    ],
)
def test_hostile_declarations_take_no_endless_time(code: str) -> None:
    """Incident class: work that grows with the square of the input."""
    types = table(code)

    assert types.members("struct s") is None or types.unique_owner("x") in {None, "struct s"}
    assert types.enum_constant("x") is None
    assert types.global_var("y") is None or types.global_var("x") is not None
    assert len(types.functions("f")) in {0, 2000}


def test_deep_nesting_of_bodies_ends() -> None:
    types = table("struct s { int a;" + "struct {" * 45 + "int b;" + "};" * 45 + "};\n")

    assert "a" in (types.members("struct s") or ())


def test_the_owner_of_a_member_is_found_by_the_member() -> None:
    types = table(
        "struct guest { unsigned int uabi_size; struct { int deep; } in; };\n"
        "struct a { u64 xfeatures; };\nstruct b { u64 xfeatures; };\nint uabi_size;\n"
    )

    assert types.owners("uabi_size") == ("struct guest",)
    assert types.unique_owner("uabi_size") == "struct guest"
    assert types.owners("xfeatures") == ("struct a", "struct b")
    assert types.unique_owner("xfeatures") is None
    assert types.owners("features") == ()


# ---------------------------------------------------------------- typedefs, enums


def test_typedefs_are_followed_to_the_end() -> None:
    types = table("typedef unsigned long ulong_t;\ntypedef ulong_t *ptr_t, pair_t[2];\ntypedef int (*fn_t)(void);\n")

    assert types.typedef("ptr_t") == CType("ulong_t", 1)
    assert types.resolve(CType("ptr_t", 1)) == CType("unsigned long", 2)
    assert types.resolve(CType("pair_t", 0, (3,))) == CType("unsigned long", 0, (3, 2))
    assert str(types.resolve(CType("fn_t"))) == "int (*)()"
    assert types.resolve(U64) == U64
    assert types.typedef("u64") is None


def test_a_typedef_of_a_struct_without_a_tag_has_its_members() -> None:
    types = table("typedef struct {\n\tu64 x;\n} pair_t, *pair_p;\n")
    pointer = types.resolve(CType("pair_p"))

    assert types.resolve(CType("pair_t")) == CType("struct <pair_t>")
    assert pointer == CType("struct <pair_t>", 1)
    assert types.members(pointer.base) == {"x": U64}


def test_a_cycle_of_typedefs_ends() -> None:
    types = table("typedef a_t b_t;\ntypedef b_t a_t;\ntypedef c_t c_t;\n")

    assert types.resolve(CType("a_t")).base in {"a_t", "b_t"}
    assert types.resolve(CType("c_t")) == CType("c_t")


def test_enum_constants_have_values() -> None:
    types = table("enum xfeature {\n\tXFEATURE_FP,\n\tXFEATURE_SSE,\n};\n")

    assert types.enum_constant("XFEATURE_SSE") == 1
    assert types.enum_constants("enum xfeature") == (("XFEATURE_FP", 0), ("XFEATURE_SSE", 1))
    assert types.enum_constant("XFEATURE_YMM") is None


# ---------------------------------------------------------------- variables


def test_one_declaration_may_declare_several_variables() -> None:
    types = table(b_c="struct fpu_state_config fpu_kernel_cfg __ro_after_init, fpu_user_cfg;\n")
    found = [types.global_var(name) for name in ("fpu_kernel_cfg", "fpu_user_cfg")]

    assert all(each is not None and each.type == CType("struct fpu_state_config") for each in found)


def test_the_definition_comes_before_its_declaration() -> None:
    types = table("extern struct cfg user_cfg;\n", b_c="struct cfg user_cfg = {\n\t.size = 1,\n};\n")
    found = types.global_var("user_cfg")

    assert found is not None
    assert (found.path, found.start, found.is_extern, found.is_static) == ("b.c", 11, False, False)
    assert found.initialiser is not None
    assert found.initialiser.type == "initializer_list"


def test_a_static_variable_is_known_in_its_own_file_only() -> None:
    types = table("int y;\n", b_c="static u64 x;\n", c_c="u32 x;\n")
    found = {path: types.global_var("x", path) for path in ("b.c", "c.c", "a.h")}

    assert {path: str(each.type) for path, each in found.items() if each} == {"b.c": "u64", "c.c": "u32", "a.h": "u32"}


def test_without_a_path_a_static_variable_is_found_too() -> None:
    types = table(b_c="static u64 x;\n")

    assert types.global_var("x") is not None
    assert types.global_var("x", "a.h") is None


def test_the_struct_of_a_variable_may_have_no_tag() -> None:
    types = table(b_c="static struct {\n\tu64 max;\n} limits = { .max = 1 };\n")
    found = types.global_var("limits", "b.c")

    assert found is not None
    assert types.members(found.type.base) == {"max": U64}


def test_a_per_cpu_variable_is_a_variable_of_its_type() -> None:
    found = table(b_c="DEFINE_PER_CPU(struct fpu *, owner);\n").global_var("owner")

    assert found is not None
    assert found.type == CType("struct fpu", 1)


def test_prototypes_members_and_locals_are_no_variables() -> None:
    types = table("int f(int arg);\nstruct s { int member; };\nstatic int g(void) { int local; return 0; }\n")

    assert [types.global_var(name) for name in ("f", "g", "arg", "member", "local")] == [None] * 5


def test_a_function_pointer_is_a_variable() -> None:
    found = table("int (*hook)(void);\n").global_var("hook")

    assert found is not None
    assert found.type.pointers == 1


def test_a_variable_behind_an_unreadable_line_is_found() -> None:
    assert table("int f(void) { ) ( }\n\nu64 x;\n").global_var("x") is not None


# ---------------------------------------------------------------- functions


def test_a_function_has_a_return_type_and_parameters() -> None:
    (found,) = table(
        "static inline struct fpu *get(struct task_struct *tsk, const u64 mask[], int (*cb)(int),\n"
        "\t\t\t      void fn(int), bool, ...)\n{\n\treturn 0;\n}\n"
    ).functions("get")

    assert found.returns == CType("struct fpu", 1)
    assert [(name, str(ctype)) for name, ctype in found.params] == [
        ("tsk", "struct task_struct *"),
        ("mask", "u64 *"),
        ("cb", "int (*)()"),
        ("fn", "void (*)()"),
        ("", "bool"),
    ]
    assert (found.is_definition, found.is_static, found.variadic) == (True, True, True)


def test_definitions_come_before_prototypes() -> None:
    types = table("extern int f(u64 x);\n", b_c="int f(u64 x)\n{\n\treturn 0;\n}\n")

    assert [(each.path, each.is_definition, each.start) for each in types.functions("f")] == [
        ("b.c", True, 4),
        ("a.h", False, 11),
    ]
    assert types.functions("g") == ()


@pytest.mark.parametrize(
    ("prototype", "expected"),
    [
        ("void f(void);", []),
        ("void f();", []),
        ("void f(struct fpu *, u64);", ["struct fpu *", "u64"]),
        ("void f(unsigned long, const struct fpu __user *);", ["unsigned long", "struct fpu *"]),
        ("void f(u8 [4], int (*)(int));", ["u8 *", "int (*)()"]),
        ("int g(void), f(u64 a);", ["u64"]),
    ],
)
def test_parameters_may_have_no_names(prototype: str, expected: list[str]) -> None:
    """The normaliser blanks `struct` and `*` of a type that stands alone; it is read as written."""
    (found,) = table(prototype + "\n").functions("f")

    assert expected == [str(ctype) for _, ctype in found.params]


def test_a_function_pointer_is_no_function() -> None:
    assert table("int (*f)(void);\n").functions("f") == ()


def test_the_signature_of_a_function_is_read_from_its_node() -> None:
    file = parsed("static u64 f(struct fpu *fpu)\n{\n\treturn 0;\n}\n")

    assert TypeTable().signature(file.functions[0].node, file.source.data) == (
        U64,
        (("fpu", CType("struct fpu", 1)),),
        False,
    )


def test_a_local_struct_without_a_tag_has_members() -> None:
    code = b"void f(void)\n{\n\tstruct { u64 bits; } x, *p;\n}\n"
    types = TypeTable()
    node = parse_snippet(code).named_children[0].child_by_field_name("body")
    assert node is not None
    declaration = node.named_children[0]
    specifier = declaration.child_by_field_name("type")
    assert specifier is not None
    found = [types.declarator(specifier, each, code) for each in declaration.children_by_field_name("declarator")]

    assert [name for name, _ in found] == ["x", "p"]
    assert types.members(found[0][1].base) == {"bits": U64}
    assert types.members(found[1][1].base) == {"bits": U64}


def test_files_can_be_added_later() -> None:
    types = table("struct s { int a; };\nint v;\n")
    assert types.members("struct s") is not None
    assert types.members("struct t") is None
    assert types.global_var("w") is None

    types.add_file(parsed("struct t { int b; };\nint w;\nint f(void);\n", "b.h"))

    assert types.members("struct t") is not None
    assert types.global_var("w") is not None
    assert len(types.functions("f")) == 1
