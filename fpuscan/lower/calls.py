"""Calls: functions, function-like macros of the tree, and the kernel's macros that the model describes."""

from __future__ import annotations

import re
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fpuscan.cpp import Macro
from fpuscan.ir import Addr, Const, ContainerOf, Deref, Index, Load, Opaque, uncast
from fpuscan.lower.constants import constant_of
from fpuscan.lower.nodes import first_named, operator_of, strip_parentheses, without_comments
from fpuscan.lower.updates import Updates

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.cpp import ConfigLiteral
    from fpuscan.ir import Expr, LValue
    from fpuscan.lower.builder import Frontier
    from fpuscan.model import Effect
    from fpuscan.syntax import Node

__all__ = ["Calls"]

T = TypeVar("T")
_Choice = tuple[tuple["ConfigLiteral", ...], "Callable[[], Expr]"]
_ObjectMacro = tuple[Macro, tuple["Node", bytes, bytes], "Node"]  # with its expansion, and the value in it
_MAX_EXPANSIONS = 16
_CONSTRAINT = re.compile(rb'"([^"]*)"[\s(]*$')


class Calls(Updates):
    """Adds calls to the lowering of expressions."""

    gotos: dict[str, Frontier]  # set up by ``statements.py``

    def call_value(self, node: Node) -> Expr:
        """The value of ``callee(arguments)``."""
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return Opaque(tuple(self.value(child) for child in node.named_children), "call")
        if function.type == "parenthesized_expression":
            cast = self._cast_in_disguise(function, arguments)
            if cast is not None:
                return cast
        function = strip_parentheses(function)
        if function.type == "identifier":
            return self._named_call(node, function, arguments)
        if function.type == "pointer_expression" and operator_of(function) == "*":
            inner = function.child_by_field_name("argument")
            assert inner is not None
            return self._indirect_call(node, self.value(inner), arguments)
        if function.type == "call_expression" and not self._gives_function(function):
            callee = self._selected_member(function)
            if callee is None:  # guard(mutex)(&x): a declaration in disguise
                return Opaque(tuple(self.arguments(arguments)), "call")
            return self._indirect_call(node, callee, arguments)
        return self._indirect_call(node, self.value(function), arguments)

    def _selected_member(self, node: Node) -> Expr | None:
        """The function pointer behind ``op(f)``, where a macro selects the member that its argument names."""
        inner = node.child_by_field_name("function")
        if inner is None or inner.type != "identifier":
            return None
        macros = self.callable_macros(self.text(inner), node)
        if not any(_selects(macro) for macro in macros):
            return None
        value = self.value(node)
        if isinstance(value, Load) and isinstance(value.place, Deref):  # (*ops.f)
            return value.place.pointer
        return value

    def _cast_in_disguise(self, function: Node, arguments: Node) -> Expr | None:
        """``(u32)(x >> 3)`` parses as a call of a parenthesised identifier."""
        inner = strip_parentheses(function)
        if inner.type != "identifier" or arguments.named_child_count != 1:
            return None
        name = self.text(inner)
        if self.lookup(name) is not None or self.context.is_function(name):
            return None
        operand = first_named(arguments)
        assert operand is not None
        return self.cast(self.context.parse_type(name), self.value(operand))

    def _gives_function(self, call: Node) -> bool:
        """Whether a call gives a function pointer: ``handler(type)(argument)``."""
        callee = call.child_by_field_name("function")
        ctype = self.context.return_type(self.text(callee)) if callee is not None else None
        return ctype is not None and ctype.function

    def arguments(self, node: Node) -> list[Expr]:
        """The values of a call's arguments, in order."""
        return [self.value(child) for child in without_comments(node)]

    def _where(self, node: Node) -> tuple[int, int]:
        if self.offset_override is not None:
            return self.offset_override, self.offset_override
        return node.start_byte, node.end_byte

    def _indirect_call(self, node: Node, callee: Expr, arguments: Node) -> Expr:
        values = self.arguments(arguments)
        return self.call(callee, values, self.temp(self.context.indirect_return_type(callee)), self._where(node))

    def _named_call(self, node: Node, function: Node, arguments: Node) -> Expr:
        name = self.text(function)
        if self.offset_override is None:
            self.facts.covered.add(function.start_byte)
        variable = self.lookup(name)
        if variable is not None:
            return self._indirect_call(node, Load(variable, self.offset(function)), arguments)
        if name == "ASM":
            return self._asm(node, arguments)
        effect = self.context.model.effects.get(name)
        if effect is not None:
            return _EFFECTS[effect.kind](self, node, name, arguments, effect)
        macros = self.callable_macros(name, node)
        if len(macros) == 1 and not self._is_function_elsewhere(macros[0]):
            return self._expand(node, macros[0], arguments)
        if macros:
            return self.either(self._meanings(node, macros, arguments), self.offset(node))
        if not self.context.is_function(name):
            ctype = self.context.global_type(name, self.facts.path)
            if ctype is not None and ctype.function:
                return self._indirect_call(node, self.value(function), arguments)
        return self._plain_call(node, name, arguments)

    def _meanings(self, node: Node, macros: list[Macro], arguments: Node) -> list[_Choice]:
        """What a call is in different builds."""
        choices: list[_Choice] = [(macro.conditions, partial(self._expand, node, macro, arguments)) for macro in macros]
        if self._is_function_elsewhere(*macros):
            choices.append(((), partial(self._plain_call, node, macros[0].name, arguments)))
        return choices

    def call_lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a call stands for: that of a macro, or what its value was read from."""
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = self.text(function) if function is not None and function.type == "identifier" else ""
        if name and arguments is not None and self.lookup(name) is None and name not in self.context.model.effects:
            macros = self.callable_macros(name, node)
            if len(macros) > 1:
                choices = self._meanings(node, macros, arguments)
                addresses = [(where, partial(_address, choose)) for where, choose in choices]
                return self.deref(self.either(addresses, self.offset(node)))
        value = self.value(node)
        return value.place if isinstance(value, Load) else None

    def _plain_call(self, node: Node, name: str, arguments: Node) -> Expr:
        values, where = self.arguments(arguments), self._where(node)
        self.call_back(name, values, where)
        return self.call(name, values, self.temp(self.context.return_type(name)), where)

    # ------------------------------------------------------------ macros of the tree

    def callable_macros(self, name: str, node: Node) -> list[Macro]:
        """The macros that a call may name. One that is being expanded stands in its own arguments, or names itself."""
        around = self.expanding.count(name)
        if len(self.expanding) >= _MAX_EXPANSIONS or (around and around >= self.context.macro_depth(name)):
            return []
        macros = self.context.macros_at(name, self.facts.path, self.offset(node))
        return [macro for macro in macros if macro.params is not None]

    def _is_function_elsewhere(self, *macros: Macro) -> bool:
        """Whether a name is a macro in some builds only, and a function in others."""
        return self.context.defines(macros[0].name) and all(
            any(literal not in self.config for literal in macro.conditions) for macro in macros
        )

    def _expand(self, node: Node, macro: Macro, arguments: Node) -> Expr:
        inner = self.text(arguments)[1:-1]
        expansion = self.context.expansion(macro, inner)
        if expansion is None:
            self.facts.unread.append((self.offset(node), f"{macro.body} {inner}"))
            return self._plain_call(node, macro.name, arguments)
        return self.inside(node, macro, expansion, lambda: self._expansion_value(expansion[0]))

    def _expansion_value(self, body: Node) -> Expr:
        statements = without_comments(body)
        if len(statements) == 1 and statements[0].type == "expression_statement":
            inner = first_named(statements[0])
            return self.value(inner) if inner is not None else Const(None, "")
        self.block(body)
        return Const(None, "")

    @abstractmethod
    def block(self, node: Node) -> None:
        """Lower a compound statement; added by ``statements.py``."""

    def inside(self, node: Node, macro: Macro, expansion: tuple[Node, bytes, bytes], action: Callable[[], T]) -> T:
        """Run ``action`` on the text of an expansion, with every fact placed at the macro's use."""
        saved = self.data, self.parsed, self.offset_override, self.expanding
        if self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))
        self.offset_override = self.offset(node)
        self.data, self.parsed = expansion[1], expansion[2]
        self.expanding = (*self.expanding, macro.name)
        try:
            return action()
        finally:
            self.data, self.parsed, self.offset_override, self.expanding = saved

    def text_value(self, node: Node, text: str) -> Expr:
        """The value of an expression that the parser took for a type."""
        expansion = self.context.snippet(text)
        macro = Macro("", None, "", text, self.facts.path, 0)
        if expansion is None:
            self.facts.unread.append((self.offset(node), text))
            return Opaque((), text)
        return self.inside(node, macro, expansion, lambda: self._expansion_value(expansion[0]))

    def _object_expansions(self, node: Node, name: str) -> list[_ObjectMacro]:
        if name in self.expanding or len(self.expanding) >= _MAX_EXPANSIONS:
            return []
        macros = self.context.macros_at(name, self.facts.path, self.offset(node))
        found = []
        for macro in macros:
            if macro.params is None and macro.body.strip():
                each = self._object_expansion(macro)
                if each is not None:
                    found.append(each)
                else:
                    self.facts.unread.append((self.offset(node), macro.body))
        return found

    def _object_expansion(self, macro: Macro) -> _ObjectMacro | None:
        expansion = self.context.expansion(macro, "")
        if expansion is None:
            return None
        statements = expansion[0].named_children
        if len(statements) != 1 or statements[0].type != "expression_statement":
            return None
        inner = first_named(statements[0])
        return (macro, expansion, inner) if inner is not None else None

    def macro_lvalue(self, node: Node, name: str) -> LValue | None:
        """The lvalue behind an object-like macro (``#define cfg guest_default_cfg``)."""
        found = self._object_expansions(node, name)
        if not found:
            return None
        if len(found) == 1:
            macro, expansion, inner = found[0]
            return self.inside(node, macro, expansion, lambda: self.lvalue(inner))
        choices = [(each[0].conditions, partial(self._object_address, node, each)) for each in found]
        return self.deref(self.either(choices, self.offset(node)))

    def _object_address(self, node: Node, found: _ObjectMacro) -> Expr:
        macro, expansion, inner = found
        return _address(lambda: self.inside(node, macro, expansion, lambda: self.value(inner)))

    def macro_value(self, node: Node, name: str) -> Expr | None:
        """The value behind an object-like macro that is no constant, or that is several in different builds."""
        found = self._object_expansions(node, name)
        if not found:
            return None
        if len(found) == 1:
            return self._object_value(node, found[0])
        choices = [(each[0].conditions, partial(self._object_value, node, each)) for each in found]
        return self.either(choices, self.offset(node))

    def _object_value(self, node: Node, found: _ObjectMacro) -> Expr:
        macro, expansion, inner = found
        value, names = self.context.macro_constant(macro, self.facts.path, self.offset(node))
        if value is not None:
            return Const(value, macro.name, names)
        return self.inside(node, macro, expansion, lambda: self.value(inner))

    def transparent_condition(self, node: Node) -> Node | None:
        """The condition inside ``likely(x)`` and other calls that return their argument's truth."""
        if node.type != "call_expression":
            return None
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None or function.type != "identifier" or not arguments.named_child_count:
            return None
        effect = self.context.model.effects.get(self.text(function))
        if effect is None or effect.kind != "truth":
            return None
        return first_named(arguments)

    # ------------------------------------------------------------ assembler

    def _asm(self, node: Node, arguments: Node) -> Expr:
        """``ASM((operand), (operand))`` left by the normaliser; constraints are in the original bytes."""
        inputs: list[Expr] = []
        outputs: list[tuple[LValue, bool]] = []
        position = arguments.start_byte
        for child in arguments.named_children:
            constraint = _CONSTRAINT.search(self.data[position : child.start_byte])
            position = child.end_byte
            kind = constraint.group(1) if constraint else b""
            if kind[:1] in {b"=", b"+"}:
                place = self.lvalue(child)
                if place is not None:
                    outputs.append((place, kind[:1] == b"+"))
                    continue
            inputs.append(self.value(child))
        result = self.temp(None)
        value = self.call("asm", inputs, result, self._where(node))
        for place, weak in outputs:
            self.assign(place, value, weak=weak)
        if self.offset_override is None:
            for label in self.context.goto_labels(self.facts.path, node.start_byte):
                self.gotos.setdefault(label, []).extend(self.frontier)
        return Const(None, "asm")

    # ------------------------------------------------------------ effects of the model

    def _argument(self, arguments: Node, index: int) -> Node | None:
        children = without_comments(arguments)
        return children[index] if index < len(children) else None

    def _effect_value(self, node: Node, _name: str, arguments: Node, effect: Effect) -> Expr:
        if not effect.deref:
            return self._one_of(node, arguments, effect)
        return self._one_of(node, arguments, effect, lambda value: self.load(self.deref(value), node))

    def _one_of(
        self, node: Node, arguments: Node, effect: Effect, behind: Callable[[Expr], Expr] = lambda value: value
    ) -> Expr:
        """The value of any of the arguments that an effect names, or of what is ``behind`` it."""
        chosen = [self._argument(arguments, index) for index in effect.values]
        values = [behind(self.value(child)) for child in chosen if child is not None]
        if len(values) < 2:
            return values[0] if values else Const(None, "")
        result = self.temp(self.joined_type(values[0], values[-1]) if len(values) == 2 else None)
        for number, value in enumerate(values):
            self.assign(result, value, weak=number > 0)
        return Load(result, self.offset(node))

    def _effect_choose(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``__builtin_choose_expr(test, a, b)``."""
        test = self._argument(arguments, 0)
        known = constant_of(self.value(test)) if test is not None else None
        chosen = None if known is None else self._argument(arguments, effect.values[0 if known else 1])
        if chosen is not None and self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))  # the other one is no code
        return self._effect_value(node, name, arguments, effect) if chosen is None else self.value(chosen)

    def _effect_freeze(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        word = self.context.evaluate_at(self.text(node), self.facts.path, self.offset(node))
        if word is not None:  # BIT_ULL(XFEATURE_PKRU) is a mask
            return Const(word, self.text(node))
        chosen = [self._argument(arguments, index) for index in effect.values]
        nodes = [child for child in chosen if child is not None] if effect.values else arguments.named_children
        return Opaque(tuple(self.value(child) for child in nodes), name)

    def _effect_truth(self, node: Node, _name: str, arguments: Node, _effect: Effect) -> Expr:
        inner = self._argument(arguments, 0)
        return self.value(inner) if inner is not None else Const(None, self.text(node))

    def _effect_none(self, _node: Node, name: str, arguments: Node, _effect: Effect) -> Expr:
        """Evaluate the arguments for what they do; nothing of them is in the result."""
        self.arguments(arguments)
        return Const(None, name)

    def _effect_enumerate(self, _node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``cpuid_count(leaf, 0, &eax, ...)``, ``rdmsr(msr, low, high)``: what the CPU says, not the arguments."""
        for index, child in enumerate(without_comments(arguments)):
            if index in effect.values:
                target = self.lvalue(child)
            else:
                value = self.value(child)
                target = value.place if isinstance(value, Addr) else None
            if target is not None:
                self.assign(target, Opaque((), name))
        return Const(None, name)

    def _effect_ignore(self, node: Node, name: str, _arguments: Node, _effect: Effect) -> Expr:
        """The arguments are not evaluated at all (``BUILD_BUG_ON``)."""
        if self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))
        return Const(None, name)

    def _target(self, arguments: Node, effect: Effect) -> LValue | None:
        child = self._argument(arguments, effect.target)
        if child is None:
            return None
        return self.deref(self.value(child)) if effect.deref else self.lvalue(child)

    def _effect_store(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        if effect.event:
            self._plain_call(node, name, arguments)
        value = self._one_of(node, arguments, effect)
        target = self._target(arguments, effect)
        if target is not None:
            self.assign(target, value, weak=effect.weak)
        return Const(None, name)

    def _effect_load(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``get_user(x, pointer)``."""
        source = self._argument(arguments, effect.values[0])
        if effect.event:
            self._plain_call(node, name, arguments)
        target_node = self._argument(arguments, effect.target)
        target = self.lvalue(target_node) if target_node is not None else None
        if source is not None and target is not None:
            self.assign(target, self.load(self.deref(self.value(source)), source), weak=effect.weak)
        return Const(None, name)

    def _whole(self, pointer: Expr) -> LValue:
        """The object that a pointer argument of ``memcpy`` points to."""
        pointer = uncast(pointer)
        if (
            isinstance(pointer, Addr)
            and isinstance(pointer.place, Index)
            and pointer.place.index == 0
            and pointer.place.base is not None
        ):
            return pointer.place.base
        return self.deref(pointer)

    def _copied(self, pointer: Expr, *, whole: bool) -> LValue:
        """What ``memcpy`` reads or writes: the object, or where the size is a number any element behind a pointer."""
        place = self._whole(pointer)
        if not whole and isinstance(place, Deref) and place.type is not None and place.type.integer is not None:
            return Index(None, place.pointer, None, place.type)
        return place

    def _effect_copy(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``memcpy(target, source, size)``: member by member where both are known structs."""
        self._plain_call(node, name, arguments)
        target_node = self._argument(arguments, effect.target)
        source_node = self._argument(arguments, effect.values[0])
        if target_node is None or source_node is None:
            return Const(None, name)
        size = self._argument(arguments, 2)
        whole = size is not None and size.type == "sizeof_expression"
        target, source = (self._copied(self.value(pointer), whole=whole) for pointer in (target_node, source_node))
        self.assign(target, Load(source, self.offset(source_node)), weak=effect.weak or not whole)
        return self.value(target_node) if effect.returns_target else Const(None, name)

    def _effect_zero(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``memset(target, value, size)``."""
        self._plain_call(node, name, arguments)
        target_node, size = self._argument(arguments, effect.target), self._argument(arguments, 2)
        if target_node is not None:
            whole = size is not None and size.type == "sizeof_expression"
            self.assign(self._whole(self.value(target_node)), Const(0, "0"), weak=not whole)
        return Const(None, name)

    def _effect_swap(self, node: Node, _name: str, arguments: Node, _effect: Effect) -> Expr:
        first, second = self._argument(arguments, 0), self._argument(arguments, 1)
        left = self.lvalue(first) if first is not None else None
        right = self.lvalue(second) if second is not None else None
        if left is not None and right is not None:
            old = self.temp(left.type)
            self.assign(old, Load(left, self.offset(node)))
            self.assign(left, Load(right, self.offset(node)))
            self.assign(right, Load(old, self.offset(node)))
        return Const(None, "swap")

    def _effect_exchange(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``xchg(pointer, value)``: the old value comes back, the new one is stored."""
        target = self._target(arguments, effect)
        source = self._argument(arguments, effect.values[0])
        for child in arguments.named_children[1:] if not effect.status else ():
            if child.type != "comment" and child != source:
                self.value(child)  # what is compared
        value = self.value(source) if source is not None else Const(None, "")
        if target is None:
            return Opaque((value,), name)
        old = self.temp(target.type)
        self.assign(old, Load(target, self.offset(node)))
        self.assign(target, value, weak=effect.weak)
        if not effect.status:
            return Load(old, self.offset(node))
        found = self._argument(arguments, 1)
        if found is not None:
            self.assign(self.deref(self.value(found)), Load(old, self.offset(node)), weak=True)
        return Const(None, name)

    def _effect_container(self, _node: Node, name: str, arguments: Node, _effect: Effect) -> Expr:
        parts = self.context.split_arguments(self.text(arguments)[1:-1])
        pointer = self._argument(arguments, 0)
        if pointer is None or len(parts) != 3:  # container_of(pointer, type, member)
            return Opaque(tuple(self.arguments(arguments)), name)
        tag = self.context.parse_type(parts[1].strip()).base
        return ContainerOf(self.value(pointer), tag, tuple(part.strip() for part in parts[2].split(".")))

    def _effect_alloc(self, node: Node, name: str, arguments: Node, _effect: Effect) -> Expr:
        return self._plain_call(node, name, arguments)


def _selects(macro: Macro) -> bool:
    """Whether a macro selects the member that an argument names."""
    return any(re.search(rf"(?:\.|->)\s*{re.escape(name)}\b", macro.body) for name in macro.params or ())


def _address(choose: Callable[[], Expr]) -> Expr:
    """The address of what a value was read from."""
    value = choose()
    if not isinstance(value, Load):
        return Const(None, "")
    return value.place.pointer if isinstance(value.place, Deref) else Addr(value.place)


_EFFECTS = {
    "value": Calls._effect_value,
    "choose": Calls._effect_choose,
    "freeze": Calls._effect_freeze,
    "truth": Calls._effect_truth,
    "none": Calls._effect_none,
    "enumerate": Calls._effect_enumerate,
    "update": Calls.effect_update,
    "ignore": Calls._effect_ignore,
    "store": Calls._effect_store,
    "load": Calls._effect_load,
    "copy": Calls._effect_copy,
    "zero": Calls._effect_zero,
    "swap": Calls._effect_swap,
    "exchange": Calls._effect_exchange,
    "container_of": Calls._effect_container,
    "alloc": Calls._effect_alloc,
}
