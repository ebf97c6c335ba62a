"""Rewrites of functions that change no behaviour: inlined, reordered, moved to another file; and files renamed."""

from __future__ import annotations

import random
import re

from fpuscan.parse.syntax import FunctionSpan, Node, ParsedFile
from fpuscan.symbols.declarators import CType
from tests.realtree.edits import masked_text
from tests.realtree.rewrites import Edit, Rewrite
from tests.realtree.sites import Call
from tests.realtree.traces import Code, Function, nodes_of, spelled
from tests.realtree.variants import MemoryCopy

__all__ = ["inlined", "moved", "rename_files", "reordered"]

_FPU = "arch/x86/kernel/fpu"
_WITHOUT_INLINING = {"goto_statement", "labeled_statement", "preproc_ifdef", "preproc_if", "gnu_asm_expression"}


# --- a call that goes -------------------------------------------------------------


def inlined(code: Code, call: Call, number: int) -> Rewrite | None:
    """The body of a function in place of its call; a static one that nobody else calls goes."""
    ((parsed, span),) = code.by_name[call.name]
    callee = code.function(parsed, span)
    if callee.path != call.function.path and not (callee.path.endswith(".h") and _is_static(callee)):
        return None
    code_of = _body(code, callee, call, number)
    if code_of is None:
        return None
    path = call.function.path
    edits = [Edit(path, call.node.start_byte, call.node.end_byte, code_of)]
    if _is_static(callee) and _uses(code, call.name) == 2:  # the definition and this call
        edits.append(Edit(callee.path, callee.top, span.end, ""))
    return Rewrite(f"inlined: {call}", path, call.node.start_byte, call.node.end_byte, tuple(edits))


def _body(code: Code, callee: Function, call: Call, number: int) -> str | None:
    returned, parameters, variadic = code.program.types.signature(callee.node, callee.data)
    body = callee.node.child_by_field_name("body")
    if body is None or variadic or len(parameters) != len(call.arguments) or not _can_be_inlined(callee, body):
        return None
    void = returned == CType("void")
    words = {name: f"{name}_in_{number}" for name in callee.types}
    heads = []
    for (name, ctype), argument in zip(parameters, call.arguments, strict=True):
        if not spelled(ctype) or name not in callee.types:
            return None
        heads.append(f"{spelled(ctype)} {words[name]} = {call.function.text(argument)};")
    last = _last_return(body)
    returns = [each for each in nodes_of(body) if each.type == "return_statement"]
    if returns != ([] if last is None else [last]) or void != (last is None) or (void and call.statement is None):
        return None
    text = _with_words(callee, body, words, last, f"{spelled(returned)} result_{number} =")
    if void:
        return f"do {{ {' '.join(heads)}{text} }} while (0)"
    return f"({{ {' '.join(heads)}{text} result_{number}; }})" if spelled(returned) else None


def _can_be_inlined(callee: Function, body: Node) -> bool:
    if not callee.reads_as_written(body) or any(each.type in _WITHOUT_INLINING for each in nodes_of(body)):
        return False
    declared = [each for each in nodes_of(body) if each.type == "declaration"]
    if any(child.type == "storage_class_specifier" for each in declared for child in each.children):
        return False
    named = {callee.text(each) for each in nodes_of(body) if each.type == "identifier"}
    return callee.span.name not in named and len(callee.types) == len(set(_declared(callee)))


def _declared(callee: Function) -> list[str]:
    names = []
    for node in nodes_of(callee.node):
        declarator = node.child_by_field_name("declarator")
        while (
            declarator is not None
            and declarator.type.endswith("_declarator")
            and declarator.type != "function_declarator"
        ):
            declarator = declarator.child_by_field_name("declarator")
        if (
            declarator is not None
            and declarator.type == "identifier"
            and node.type in {"declaration", "init_declarator", "parameter_declaration"}
        ):
            names.append(callee.text(declarator))
    return names


def _last_return(body: Node) -> Node | None:
    last = body.named_children[-1] if body.named_children else None
    return last if last is not None and last.type == "return_statement" else None


# What stands between the braces, with other names for the locals and a definition instead of the return.
def _with_words(callee: Function, body: Node, words: dict[str, str], last: Node | None, head: str) -> str:
    edits = [(each.start_byte, each.end_byte, words[callee.text(each)]) for each in callee.locals_in(body)]
    if last is not None:
        edits.append((last.start_byte, last.start_byte + len("return"), head))
    parts, at = [], body.start_byte + 1
    for start, end, new in sorted(edits):
        parts += [callee.data[at:start].decode("latin-1"), new]
        at = end
    return "".join([*parts, callee.data[at : body.end_byte - 1].decode("latin-1")])


def _is_static(function: Function) -> bool:
    body = function.node.child_by_field_name("body")
    assert body is not None
    return re.search(rb"\bstatic\b", function.data[function.span.start : body.start_byte]) is not None


def _uses(code: Code, name: str) -> int:
    word = re.compile(rf"\b{name}\b".encode())
    return sum(len(word.findall(parsed.normalised.text)) for parsed in code.files.values())


# --- functions in another order ---------------------------------------------------


def reordered(code: Code, path: str, chance: random.Random) -> Rewrite | None:
    """The plain functions of a file in another order, behind all else, with prototypes where the first one stood."""
    parsed = code.files[path]
    movable = [span for span in parsed.functions if _is_plain(parsed, span)]
    if len(movable) < 2 or _changes_macros(parsed):
        return None
    text = parsed.source.data.decode("latin-1")
    bodies = [text[span.start : span.end] for span in movable]
    prototypes = "".join(f"{text[span.start : span.body_start].rstrip()};\n" for span in movable)
    chance.shuffle(bodies)
    edits = [Edit(path, span.start, span.end, prototypes if number == 0 else "") for number, span in enumerate(movable)]
    end = len(text)
    edits.append(Edit(path, end, end, "\n" + "\n\n".join(bodies) + "\n"))
    return Rewrite(f"reordered: {len(bodies)} functions of {path}", path, 0, end, tuple(edits))


# A function that stands in no `#if`, with nothing but its definition on its lines.
def _is_plain(parsed: ParsedFile, span: FunctionSpan) -> bool:
    data = parsed.source.data
    if span.end > parsed.source.size or any(
        group.start < span.end and span.start < group.end for group in parsed.normalised.groups
    ):
        return False
    head = data[span.start : span.body_start]
    line = data.rfind(b"\n", 0, span.start) + 1
    return line == span.start and re.search(rb"#|_DEFINE|\)\s*\(", head) is None and head.count(b"(") >= 1


def _changes_macros(parsed: ParsedFile) -> bool:
    names = re.findall(r"^[ \t]*#[ \t]*(?:define|undef)[ \t]+(\w+)", parsed.source.data.decode("latin-1"), re.MULTILINE)
    return len(names) != len(set(names))


# --- another file -----------------------------------------------------------------


def moved(code: Code, name: str) -> Rewrite | None:
    """A function of a .c file in a file of its own, with the same headers; only its prototype stays."""
    if len(code.by_name.get(name, ())) != 1:
        return None
    ((parsed, span),) = code.by_name[name]
    path = parsed.source.path
    if not path.endswith(".c") or not _is_plain(parsed, span) or _needs_its_file(code, parsed, span):
        return None
    text = parsed.source.data.decode("latin-1")
    head = re.sub(r"\b(?:static|inline)\b\s*", "", text[span.start : span.body_start].rstrip())
    includes = "".join(re.findall(r"^#\s*include[^\n]*\n", text, re.MULTILINE))
    there = f"{path.rpartition('/')[0]}/proof_{name.strip('_')}.c"
    body = text[span.body_start : span.end]
    edits = (Edit(path, span.start, span.end, f"{head};"), Edit(there, 0, 0, f"{includes}\n{head}\n{body}\n"))
    return Rewrite(f"moved: {name}() of {path}", path, span.start, span.end, edits)


# Whether a function names something that only its own file has: a static function or variable, a macro, a type.
def _needs_its_file(code: Code, parsed: ParsedFile, span: FunctionSpan) -> bool:
    path, function = parsed.source.path, code.function(parsed, span)
    text = masked_text(parsed.source.data.decode("latin-1"))
    macros = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", parsed.source.data.decode("latin-1"), re.MULTILINE))
    for name in {function.text(each) for each in nodes_of(function.node) if each.type.endswith("identifier")} - {
        span.name
    }:
        variable = code.program.types.global_var(name, path)
        if name in macros or (variable is not None and variable.is_static and variable.path == path):
            return True
        if any(
            one.source.path == path and re.search(rf"\bstatic\b[^;{{}}]*\b{name}\s*\(", text)
            for one, _ in code.by_name.get(name, ())
        ):
            return True
        if re.search(rf"^(?:typedef\b.*\b{name};|(?:struct|union|enum)\s+{name}\s*\{{)", text, re.MULTILINE):
            return True
    return False


def rename_files(code: Code, copy: MemoryCopy) -> None:
    """Give the FPU code's files names that sort the other way around; what a model names by its file keeps its name."""
    bound = {row.path for row in code.program.model.sinks if row.path}
    paths = sorted(path for path in code.files if re.fullmatch(rf"{_FPU}/\w+\.c", path) and path not in bound)
    for number, path in enumerate(reversed(paths)):
        folder, _, name = path.rpartition("/")
        copy.write(f"{folder}/f{number:02}_{name}", copy.text(path))
        copy.remove(path)
