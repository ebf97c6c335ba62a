"""Calls of the kernel's macros and functions that the model describes by their effect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.ir import Addr, Binary, Const, ContainerOf, Deref, Index, Load, Opaque, uncast
from fpuscan.lower.constants import constant_of
from fpuscan.lower.fields import Fields
from fpuscan.lower.nodes import without_comments

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr, LValue
    from fpuscan.model.rows import Effect
    from fpuscan.parse.syntax import Node

__all__ = ["Effects"]

# How the result so far compares with each further argument.
_ORDERS = {"min": ("<", "<"), "max": (">", ">"), "clamp": (">", "<")}
_TYPEOF = re.compile(r"(?:__)?typeof(?:__)?\s*\((.*)\)", re.DOTALL)


class Effects(Fields):
    """Adds the model's effects to the lowering of expressions."""

    def effect(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """The value of a call that has an effect of the model."""
        return _EFFECTS[effect.kind](self, node, name, arguments, effect)

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

    def _effect_extreme(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``min(a, b)`` is ``a < b ? a : b``, each evaluated once; ``clamp(value, low, high)``."""
        chosen = [self._argument(arguments, index) for index in effect.values]
        values = [self.value(child) for child in chosen if child is not None]
        if len(values) < len(effect.values):
            return Opaque(tuple(values), name)
        if effect.typed:
            ctype = self.context.parse_type(self.text(without_comments(arguments)[0]))
            values = [self.cast(ctype, value) for value in values]
        found = values[0]
        for operator, other in zip(_ORDERS[effect.op], values[1:], strict=False):
            found = self._extreme(node, operator, found, other)
        return found

    def _extreme(self, node: Node, operator: str, first: Expr, second: Expr) -> Expr:
        """The first value where it compares so with the second, else that."""
        result = self.temp(self.joined_type(first, second))
        true, false = self.branch(Binary(operator, first, second), picks=True)
        self.frontier = true
        self.assign(result, first)
        after = self.frontier
        self.frontier = false
        self.assign(result, second)
        self.frontier = self.frontier + after
        return Load(result, self.offset(node))

    def _effect_freeze(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        word = self.context.evaluate_at(self.text(node), self.facts.path, self.offset(node))
        if word is not None:  # BIT_ULL(XFEATURE_PKRU) is a mask
            return Const(word, self.text(node))
        chosen = [self._argument(arguments, index) for index in effect.values]
        nodes = [child for child in chosen if child is not None] if effect.values else arguments.named_children
        return Opaque(tuple(self.value(child) for child in nodes), name)

    def _effect_truth(self, node: Node, _name: str, arguments: Node, _effect: Effect) -> Expr:
        values = self.arguments(arguments)  # what is printed is evaluated, too
        return values[0] if values else Const(None, self.text(node))

    def _effect_compare(self, node: Node, name: str, arguments: Node, _effect: Effect) -> Expr:
        """``in_range(value, start, number)``, as its callee computes it."""
        if len(without_comments(arguments)) != 3:  # another function of that name
            return self.plain_call(node, name, arguments)
        values = self.arguments(arguments)
        return Binary("<", Binary("-", values[0], values[1]), values[2])

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
            self.plain_call(node, name, arguments)
        value = self._one_of(node, arguments, effect)
        target = self._target(arguments, effect)
        if target is not None:
            self.assign(target, value, weak=effect.weak, user=effect.user)
        return Const(None, name)

    def _effect_load(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``get_user(x, pointer)``."""
        source = self._argument(arguments, effect.values[0])
        if effect.event:
            self.plain_call(node, name, arguments)
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
        self.plain_call(node, name, arguments)
        target_node = self._argument(arguments, effect.target)
        source_node = self._argument(arguments, effect.values[0])
        if target_node is None or source_node is None:
            return Const(None, name)
        size = self._argument(arguments, 2)
        whole = size is not None and size.type == "sizeof_expression"
        word = self.is_one_word(arguments, effect)
        target, source = (
            self.deref(uncast(self.value(pointer))) if word else self._copied(self.value(pointer), whole=whole)
            for pointer in (target_node, source_node)
        )
        whole = whole or word
        self.assign(target, Load(source, self.offset(source_node)), weak=effect.weak or not whole, user=effect.user)
        return self.value(target_node) if effect.returns_target else Const(None, name)

    def _effect_zero(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``memset(target, value, size)``."""
        self.plain_call(node, name, arguments)
        target_node, size = self._argument(arguments, effect.target), self._argument(arguments, 2)
        if target_node is not None:
            whole = size is not None and size.type == "sizeof_expression"
            word, pointer = self.is_one_word(arguments, effect), self.value(target_node)
            target = self.deref(uncast(pointer)) if word else self._whole(pointer)
            self.assign(target, Const(0, "0"), weak=not whole and not word)
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
        for child in without_comments(arguments)[1:] if not effect.status else ():
            if child != source:
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
        tag = self._record(pointer, parts[1].strip())
        return ContainerOf(self.value(pointer), tag, tuple(part.strip() for part in parts[2].split(".")))

    def _record(self, node: Node, text: str) -> str:
        """The struct that a type argument names, also as the type of an expression: ``typeof(*pos)``."""
        measured = _TYPEOF.fullmatch(text)
        ctype = self.type_of(self.text_value(node, measured[1])) if measured is not None else None
        return (ctype or self.context.parse_type(text)).base

    def _effect_alloc(self, node: Node, name: str, arguments: Node, _effect: Effect) -> Expr:
        return self.plain_call(node, name, arguments)


_EFFECTS = {
    "value": Effects._effect_value,
    "extreme": Effects._effect_extreme,
    "choose": Effects._effect_choose,
    "freeze": Effects._effect_freeze,
    "truth": Effects._effect_truth,
    "compare": Effects._effect_compare,
    "none": Effects._effect_none,
    "enumerate": Effects._effect_enumerate,
    "field": Effects.effect_field,
    "update": Effects.effect_update,
    "ignore": Effects._effect_ignore,
    "store": Effects._effect_store,
    "load": Effects._effect_load,
    "copy": Effects._effect_copy,
    "zero": Effects._effect_zero,
    "swap": Effects._effect_swap,
    "exchange": Effects._effect_exchange,
    "container_of": Effects._effect_container,
    "alloc": Effects._effect_alloc,
    "calls": Effects.effect_calls,
}
