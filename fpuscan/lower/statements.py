"""Statements: branches, loops, switches, gotos, and the arms of ``#if``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Const, Load
from fpuscan.lower.builder import together
from fpuscan.lower.constants import constant_of
from fpuscan.lower.declarations import Declarations
from fpuscan.lower.loops import LoopBody
from fpuscan.lower.nodes import first_named, without_comments
from fpuscan.parse.arms import contradict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fpuscan.ir import Expr
    from fpuscan.lower.builder import Frontier
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.parse.normalise import Group
    from fpuscan.parse.syntax import Node

__all__ = ["Statements"]

_SKIPPED = frozenset({"comment", "type_definition", "struct_specifier", "union_specifier", "enum_specifier",
                      "attribute_specifier", "break", "continue"})  # fmt: skip

_LONGEST_RANGE = 16  # values of `case A ... B:` that are told apart


class Statements(Declarations):
    """Adds statements to the lowering."""

    def prepare(self) -> None:
        """Start the tables of jumps."""
        self.breaks: list[Frontier] = []
        self.continues: list[Frontier] = []
        self.labels: dict[str, int] = {}
        self.gotos: dict[str, Frontier] = {}
        self.bodies: list[LoopBody] = []
        self.switches: list[tuple[Frontier, list[bool]]] = []

    def statement(self, node: Node) -> None:
        """Lower one statement."""
        handler = _STATEMENTS.get(node.type)
        if handler is not None:
            handler(self, node)
        elif node.type not in _SKIPPED and node.is_named:
            self.at(node)
            self.value(node)

    def at(self, node: Node) -> None:
        """Place what follows at this statement."""
        if self.offset_override is None:
            self.span = (node.start_byte, node.end_byte)
            if self.conditional:
                self.config = together(self.facts.config, self.context.conditions(self.facts.path, node.start_byte))

    # ------------------------------------------------------------ blocks and #if arms

    def block(self, node: Node) -> None:
        """A compound statement, with a scope of its own."""
        self.scopes.append({})
        self.sequence(node.named_children, (node.start_byte, node.end_byte))
        self.scopes.pop()

    def sequence(self, children: Sequence[Node], span: tuple[int, int]) -> None:
        """Statements one after the other; the arms of an ``#if`` between them (in ``span``) are alternatives."""
        groups: tuple[Group, ...] = ()
        if self.conditional and self.offset_override is None:
            groups = self.context.groups_inside(self.facts.path, *span)
        if not groups:
            for child in children:
                self.statement(child)
            return
        parts = _without_labels(children)
        self._arms([(self.context.arm_path(groups, part.start_byte), part) for part in parts], 0)

    def _arms(self, items: list[tuple[tuple[tuple[int, int, bool], ...], Node]], depth: int) -> None:
        position = 0
        while position < len(items):
            path, child = items[position]
            if len(path) <= depth:
                self.statement(child)
                position += 1
                continue
            group = path[depth][0]
            end = position
            while end < len(items) and len(items[end][0]) > depth and items[end][0][depth][0] == group:
                end += 1
            self._group(items[position:end], depth)
            position = end

    def _group(self, items: list[tuple[tuple[tuple[int, int, bool], ...], Node]], depth: int) -> None:
        before = self.frontier
        after: Frontier = []
        exhaustive = False
        arms: dict[int, list[tuple[tuple[tuple[int, int, bool], ...], Node]]] = {}
        for item in items:
            arms.setdefault(item[0][depth][1], []).append(item)
            exhaustive = exhaustive or item[0][depth][2]
        for arm in arms.values():
            conditions = self._common_conditions(arm)
            if contradict(self.facts.config, conditions) or contradict(conditions, conditions):
                # Another text of the function has it, or no build.
                self.facts.covered_ranges.append((arm[0][1].start_byte, arm[-1][1].end_byte))
                continue
            exhaustive = exhaustive or all(literal in self.facts.config for literal in conditions)
            self.frontier = list(before)
            self._arms(arm, depth + 1)
            after += self.frontier
        self.frontier = after if exhaustive else after + before

    def _common_conditions(self, arm: list[tuple[tuple[tuple[int, int, bool], ...], Node]]) -> list[ConfigLiteral]:
        """What must hold for an arm, whichever arms inside of it its statements lie in."""
        first, *others = (self.context.conditions(self.facts.path, node.start_byte) for _, node in arm)
        return [literal for literal in first if all(literal in each for each in others)]

    def statement_expression(self, node: Node) -> Expr:
        """``({ ...; value; })``."""
        around = self.span, self.config
        self.scopes.append({})
        children = without_comments(node)
        value: Expr = Const(None, "")
        if children and children[-1].type == "expression_statement":
            self.sequence(children[:-1], (node.start_byte, node.end_byte))
            last = first_named(children[-1])
            if last is not None:
                self.at(children[-1])
                inner = self.value(last)
                result = self.temp(self.type_of(inner))
                self.assign(result, inner)
                value = Load(result, self.offset(last))
        else:
            self.sequence(children, (node.start_byte, node.end_byte))
        self.scopes.pop()
        self.span, self.config = around
        return value

    # ------------------------------------------------------------ simple statements

    def _expression(self, node: Node) -> None:
        inner = first_named(node)
        if inner is None:
            return
        if self.is_body(inner):
            self.body_of_loop()
            return
        self.at(node)
        value = self.value(inner)
        if not isinstance(value, Const):
            self.discard(value)

    def discard(self, value: Expr) -> None:
        """Keep the reads of a value that nobody uses, so that every occurrence is in a fact."""

    def _return(self, node: Node) -> None:
        self.at(node)
        inner = first_named(node)
        self.leave(self.value(inner) if inner is not None else None)

    def _goto(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        if label is not None:
            self.gotos.setdefault(self.text(label), []).extend(self.frontier)
        self.frontier = []

    def _labeled(self, node: Node) -> None:
        for child in node.named_children:
            self.statement(child)

    def _label(self, node: Node) -> None:
        self.at(node)
        self.labels[self.text(node)] = self.marker(f"{self.text(node)}:")

    def resolve_gotos(self) -> None:
        """Connect every goto with its label, at the end of the function."""
        for label, sources in self.gotos.items():
            self.frontier = sources
            self.connect(self.labels.get(label, 1))
        self.frontier = []

    def _break(self, _node: Node) -> None:
        if self.breaks:
            self.breaks[-1].extend(self.frontier)
        self.frontier = []

    def _continue(self, _node: Node) -> None:
        if self.continues:
            self.continues[-1].extend(self.frontier)
        self.frontier = []

    # ------------------------------------------------------------ branches

    def _if(self, node: Node) -> None:
        test = node.child_by_field_name("condition")
        then = node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        assert test is not None
        before = self.frontier
        self.at(test)
        if self.is_written(node, b"if"):
            true, false = self.condition(test)
            self.frontier = true
        else:  # a loop macro; an `else` belongs to an `if` further out
            self.macro_loop(node, test, then)
            true, false, then = self.frontier, list(before) if otherwise is not None else [], None
        if then is not None:
            self.statement(then)
        after = self.frontier
        self.frontier = false
        if otherwise is not None:
            for child in otherwise.named_children if otherwise.type == "else_clause" else [otherwise]:
                self.statement(child)
        self.frontier = self.frontier + after

    def _else(self, node: Node) -> None:
        for child in node.named_children:
            self.statement(child)

    def _switch(self, node: Node) -> None:
        test, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        assert test is not None
        self.at(test)
        value = self.value(test)
        true, _ = self.branch(value)
        head = true[0][0]
        self.switches.append(([(head, None, None)], [False]))
        self.breaks.append([])
        self.frontier = []
        if body is not None:
            self.statement(body)
        heads, has_default = self.switches.pop()
        self.frontier = self.frontier + self.breaks.pop()
        if not has_default[0]:
            self.frontier = self.frontier + heads
            self.facts.undecided.add(head)

    def _case(self, node: Node) -> None:
        value = node.child_by_field_name("value")
        if self.switches:
            heads, has_default = self.switches[-1]
            constants: Sequence[int | None] = (None,)
            if value is not None:
                constants = self._label_values(value)
                if constants[0] is not None and value.type == "identifier":
                    self.facts.labels[constants[0]] = self.text(value)
            else:
                has_default[0] = True
            self.frontier = self.frontier + [(head, None, each) for head, _, _ in heads for each in constants]
        # the `#endif` of an arm at its end stands behind it
        parent, following = node.parent, node.next_named_sibling
        end = (
            following.start_byte if following is not None else parent.end_byte if parent is not None else node.end_byte
        )
        self.sequence([child for child in node.named_children if child != value], (node.start_byte, end))

    def _label_values(self, label: Node) -> Sequence[int | None]:
        """The values that a case label stands for; None where a build decides, or for a long range."""
        if label.type != "binary_expression" or b"..." not in self.data[label.start_byte : label.end_byte]:
            return (constant_of(self.value(label)),)
        first, last = (label.child_by_field_name(side) for side in ("left", "right"))
        assert first is not None
        assert last is not None
        low, high = (constant_of(self.value(each)) for each in (first, last))
        if low is None or high is None or not 0 <= high - low < _LONGEST_RANGE:
            return (None,)
        return range(low, high + 1)

    # ------------------------------------------------------------ loops

    def _while(self, node: Node) -> None:
        test, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        assert test is not None
        if not self.is_written(node, b"while"):
            self.macro_loop(node, test, body)
            return
        self.at(test)
        head = self.marker("while")
        true, false = self.condition(test)
        self.loop_body(true, body, head)
        self.frontier = false + self.breaks.pop()

    def loop_body(self, entry: Frontier, body: Node | None, head: int) -> None:
        """The body of a loop, back to its head; the frontier of ``break`` is the caller's."""
        self.breaks.append([])
        self.continues.append([])
        self.frontier = entry
        if body is not None:
            self.statement(body)
        self.frontier = self.frontier + self.continues.pop()
        self.connect(head)

    def _do(self, node: Node) -> None:
        test, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        self.at(node)
        head = self.marker("do")
        self.breaks.append([])
        self.continues.append([])
        if body is not None:
            self.statement(body)
        self.frontier = self.frontier + self.continues.pop()
        if test is not None:
            self.at(test)
            true, false = self.condition(test)
            self.frontier = true
            self.connect(head)
            self.frontier = false
        self.frontier = self.frontier + self.breaks.pop()

    def _for(self, node: Node) -> None:
        start, test = node.child_by_field_name("initializer"), node.child_by_field_name("condition")
        update, body = node.child_by_field_name("update"), node.child_by_field_name("body")
        self.scopes.append({})
        if start is not None:
            if start.type == "declaration":
                self.statement(start)
            else:
                self.at(start)
                self.value(start)
        self.at(test or node)
        head = self.marker("for")
        true, false = self.condition(test) if test is not None else (self.frontier, [])
        self.breaks.append([])
        self.continues.append([])
        self.frontier = true
        if body is not None:
            self.statement(body)
        self.frontier = self.frontier + self.continues.pop()
        if update is not None:
            self.at(update)
            self.value(update)
        self.connect(head)
        self.frontier = false + self.breaks.pop()
        self.scopes.pop()


# A label, and the statement behind it: an arm may begin between the two.
def _without_labels(statements: Sequence[Node]) -> Iterator[Node]:
    for each in statements:
        if each.type == "labeled_statement":
            yield from _without_labels(each.named_children)
        else:
            yield each


_STATEMENTS: dict[str, Callable[[Statements, Node], None]] = {
    "compound_statement": Statements.block,
    "expression_statement": Statements._expression,
    "declaration": Statements.declaration,
    "return_statement": Statements._return,
    "if_statement": Statements._if,
    "switch_statement": Statements._switch,
    "case_statement": Statements._case,
    "while_statement": Statements._while,
    "do_statement": Statements._do,
    "for_statement": Statements._for,
    "goto_statement": Statements._goto,
    "labeled_statement": Statements._labeled,
    "statement_identifier": Statements._label,
    "break_statement": Statements._break,
    "continue_statement": Statements._continue,
    "else_clause": Statements._else,
}
