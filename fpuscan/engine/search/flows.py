"""Reachability over the def-use graph with matched calls, guards and masks.

The search is breadth first, so the first path to a sink is a shortest one. What
it knows at a point is in `states`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import FREEZE, Operation
from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search.cancellation import Cancellation
from fpuscan.engine.search.states import Label, State, Step
from fpuscan.ir import Binary, Call
from fpuscan.places import anonymous
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite, Frame
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.search.states import Visit
    from fpuscan.places import Place

__all__ = ["Flows"]

_MAX_FRAMES = 12
_MAX_LABELS = 48
# What one source may cost; in real kernels it is up to 250 states in 50 functions. Beyond it the scan is incomplete.
_MAX_STATES = 20_000
_MAX_FUNCTIONS = 200
_MAX_EXACT = 250  # states of one source, as many as in real kernels; beyond it objects of unknown types are one
_MAX_ALL_STATES = 120_000  # of all sources together


class Flows:
    """The search, and the rules by which a label and a stack pass an edge."""

    def __init__(self, analysis: Analysis, graph: DefUseGraph) -> None:
        self.analysis = analysis
        self.graph = graph
        self.states = 0
        self.truncated = False
        self._cancellation = Cancellation(analysis)
        self._inner: dict[tuple[CallSite, int, Guards], Guards | None] = {}

    # ------------------------------------------------------------ labels

    def apply(
        self,
        label: Label,
        transfer: Transfer,
        function: FunctionAnalysis,
        context: tuple[CallSite, ...],
        origin: Definition | None = None,
    ) -> Label | None:
        """The label behind an edge; None where nothing of the value gets through."""
        aligned, frozen, masked = label.aligned, label.frozen, label.masked
        copied, where = 0, 0  # the sign bits that were copied upward in this statement, and the bits they fill
        kernel = label.format or transfer.format
        if origin is not None:
            aligned &= ~self._known_clear(origin, transfer.guards)
        operations = self._met(function, transfer, context) if label.closely else transfer.operations
        for operation in operations:
            match operation.kind:
                case "and" | "keep":
                    if label.constant and not frozen and operation.kind == "and":
                        return None
                    may = self._may(function, transfer.instruction, operation, None if label.quick else context)
                    masked = masked or may != WORD
                    aligned &= may
                    where &= may
                case "among":
                    aligned &= operation.bits
                    where &= operation.bits
                case "not" | "times" if self._is_lost(label, function, transfer, operation):
                    return None
                case "cast" | "fit":
                    low = (1 << operation.bits) - 1
                    where &= low
                    sign = aligned & 1 << operation.bits - 1 if operation.signed else 0
                    if sign:
                        copied, where = copied | sign if where else sign, where | WORD & ~low
                    aligned &= low
                case "freeze" | "minus" | "times":
                    frozen |= aligned | (copied if where else 0)
                    aligned = where = 0
                case "format":
                    kernel = kernel or self._is_compacted(
                        function, transfer, operation, None if label.quick else context
                    )
                case _:
                    pass
        if where:
            frozen |= copied
        if not aligned and not frozen and not kernel:
            return None
        return Label(aligned, frozen, kernel, masked, label.constant, label.quick, label.closely)

    def _is_lost(self, label: Label, function: FunctionAnalysis, transfer: Transfer, operation: Operation) -> bool:
        """Whether nothing is left of a value: of a constant under ``~``, of a product with a flag that is zero."""
        if operation.kind == "not":
            return label.constant
        return not self._may_be_true(function, transfer, operation)

    def _is_compacted(
        self,
        function: FunctionAnalysis,
        transfer: Transfer,
        operation: Operation,
        context: tuple[CallSite, ...] | None,
    ) -> bool:
        """Whether the argument that asks a helper for a kernel-format size may be true on this way."""
        if self._may(function, transfer.instruction, operation, context) == 0:
            return False
        return self._may_be_true(function, transfer, operation)

    def _may_be_true(self, function: FunctionAnalysis, transfer: Transfer, operation: Operation) -> bool:
        """Whether the other operand may be anything but zero on this way."""
        assert operation.other is not None
        return compatible(transfer.guards, function.truth(transfer.instruction, operation.other, want=True))

    def _may(
        self, function: FunctionAnalysis, node: int, operation: Operation, context: tuple[CallSite, ...] | None
    ) -> int:
        if operation.kind == "keep":
            return operation.bits
        assert operation.other is not None
        if context is None:
            return self.analysis.values.written_mask(function, node, operation.other).may
        return self.analysis.values.mask(function, node, operation.other, context).may

    def _met(
        self, function: FunctionAnalysis, transfer: Transfer, context: tuple[CallSite, ...]
    ) -> Iterator[Operation]:
        """The operations of an edge; where values meet, what is left of their result."""
        node = transfer.instruction
        for operation in transfer.operations:
            met = operation.other if operation.kind in {"meet", "minus"} else None
            if not isinstance(met, Binary):
                yield operation
            elif operation.kind == "meet" or self._cancellation.is_bitwise(function, node, met):
                yield Operation(
                    "keep", None, WORD & ~self._cancellation.never(function, node, met, context, transfer.guards)
                )
            else:
                yield FREEZE

    def _known_clear(self, origin: Definition, guards: Guards) -> int:
        """Bits that a branch has tested to be clear in this very definition."""
        clear = 0
        for key, operator, constant in guards:
            if (
                operator == "clr"
                and isinstance(constant, int)
                and key[1] == origin.function
                and (key[2], key[3]) == origin.place
                and key[4] == frozenset({origin.node})
            ):
                clear |= constant
        return clear

    # ------------------------------------------------------------ edges

    def follow(self, state: State, transfer: Transfer, *, coarse: bool = False) -> list[State]:
        """The states behind an edge: none where the guards contradict or nothing gets through. To be ``coarse`` is to
        take all objects of a type of which the model says nothing as one.
        """  # noqa: D205
        if transfer.target is None:
            return []
        function = self.analysis.by_id(transfer.function)
        label = self.apply(state.label, transfer, function, state.context, state.definition)
        if label is None:
            return []
        if coarse and transfer.move in {"call", "return"} and self._is_common(transfer.target):
            return self._leave_to_memory(state, transfer, label)
        match transfer.move:
            case "stay":
                return [State(transfer.target, state.frames, transfer.guards, label, state.entered)]
            case "call":
                return self._enter(state, transfer, label)
            case "return":
                return self._leave(state, transfer, label)
            case _:
                return self._through_memory(state, transfer, label)

    def _enter(self, state: State, transfer: Transfer, label: Label) -> list[State]:
        assert transfer.target is not None
        assert transfer.site is not None
        if sum(site == transfer.site for site, _ in state.frames) > 0:
            return []  # recursion: the first pass has been through here already
        guards = self._chosen(state, transfer.site, transfer.target.function, transfer.guards)
        if guards is None:
            return []
        frames = (*state.frames, (transfer.site, guards))[-_MAX_FRAMES:]
        inner = self._inner_guards(transfer.site, transfer.target.function, guards)
        return [State(transfer.target, frames, inner, label, state.entered)] if inner is not None else []

    def _chosen(self, state: State, site: CallSite, target: int, guards: Guards) -> Guards | None:
        """What holds in a call that goes to a function: of an indirect one, also in the eyes of the caller that gave
        the function pointer. None where it does not go there.
        """  # noqa: D205
        function = self.analysis.by_id(site[0])
        followed = function.followed(site[1])  # by the arguments: ``copy(gfpu->fpstate)``
        if followed:
            if not compatible(guards, followed):
                return None
            guards = guards | followed
        when = self.analysis.choices.when(function, site[1], self.analysis.program.units[target])
        if not when:
            return guards
        if not compatible(guards, when):
            return None
        if state.frames:
            (caller, node), held = state.frames[-1]
            outer = self.analysis.calls.guards_outward(self.analysis.by_id(caller), node, function, when)
            if outer is None or not compatible(held, outer):
                return None
        return guards | when

    def _inner_guards(self, site: CallSite, target: int, guards: Guards) -> Guards | None:
        """What holds inside a callee that is called under some guards; None where it cannot be."""
        key = (site, target, guards)
        if key not in self._inner:
            self._inner[key] = self._find_inner_guards(site, target, guards)
        return self._inner[key]

    def _find_inner_guards(self, site: CallSite, target: int, guards: Guards) -> Guards | None:
        caller, callee = self.analysis.by_id(site[0]), self.analysis.by_id(target)
        inner = self.analysis.calls.guards_inward(caller, site[1], callee, guards)
        config = self.analysis.config_guards(callee.facts.config)
        if config and not compatible(inner, config):
            return None
        return inner | config

    def _leave(self, state: State, transfer: Transfer, label: Label) -> list[State]:
        callee = self.analysis.by_id(transfer.function)
        if state.frames:
            sites: Iterable[tuple[CallSite, Guards | None]] = [state.frames[-1]]
            frames = state.frames[:-1]
        else:
            sites = [(site, None) for site in self.analysis.calls.callers(callee.unit)]
            frames = ()
        found: list[State] = []
        known = False
        for site, held in sites:
            known = True
            found += self._back_at(site, held, frames, state, transfer, label)
        if not known:
            found += self._leave_to_memory(state, transfer, label)
        return found

    def _back_at(
        self,
        site: CallSite,
        held: Guards | None,
        frames: tuple[Frame, ...],
        state: State,
        transfer: Transfer,
        label: Label,
    ) -> list[State]:
        assert transfer.target is not None
        function, callee = self.analysis.by_id(site[0]), self.analysis.by_id(transfer.function)
        if callee.unit not in self.analysis.calls.callees(function, site[1]):
            return []
        outer = self.analysis.calls.guards_outward(function, site[1], callee, transfer.guards)
        if outer is None:
            return []
        if held is None:
            held = function.held(site[1]) | self.analysis.config_guards(function.facts.config)
        if not compatible(held, outer):
            return []
        guards = function.after(site[1], held | outer)
        root, path = transfer.target.place
        if root[0] == "r":
            call = function.code[site[1]]
            assert isinstance(call, Call)
            if call.result is None:
                return []
            places: list[tuple[Place, Guards]] = [((("v", function.id, call.result.key), path), NOTHING)]
        elif not self.analysis.aliases.outlives(callee, site, transfer.instruction, (root, path), transfer.guards):
            return []
        else:
            places = [
                (name, g)
                for r, p, g in self.analysis.calls.actual_places(function, site[1], root, path)
                for name in ((r, p), *self.analysis.aliases.names(function, (r, p)))
            ]
        return [
            State(Definition(function.id, site[1], place), frames, guards | conditions, label, state.entered)
            for place, conditions in places
            if not conditions or compatible(guards, conditions)
        ]

    def _is_common(self, target: Definition) -> bool:
        """Whether a value lies below a parameter in an object that is nowhere a variable, one of many of its type, and
        of which the model says nothing.
        """  # noqa: D205
        root = target.place[0]
        ctype = self.analysis.root_type(root) if root[0] == "d" else None
        if ctype is None or not ctype.is_struct or self.analysis.program.lies_in_variables(ctype.base):
            return False
        return all(tag not in self.analysis.model_types for tag, _ in self.analysis.chain(target.place))

    def _leave_to_memory(self, state: State, transfer: Transfer, label: Label) -> list[State]:
        """What a function stores through a parameter is some object of the type: nobody is seen to call the function,
        or too many.
        """  # noqa: D205
        assert transfer.target is not None
        place = transfer.target.place
        if place[0][0] != "d" or not self.analysis.chain(place):
            return []
        ctype = self.analysis.root_type(place[0])
        if ctype is None:
            return []
        instance = self.analysis.instance_under(
            ctype.base, transfer.guards, state.frames, transfer.function, transfer.instruction
        )
        memory = self.graph.shared.node((("h", ctype.base, None, instance), place[1]))
        return [State(memory, (), self._config_only(transfer.guards), label, state.entered)]

    def _through_memory(self, state: State, transfer: Transfer, label: Label) -> list[State]:
        assert transfer.target is not None
        guards = self._config_only(state.guards)
        target = transfer.target
        if target.function < 0:
            root, path = target.place
            if root[0] == "h" and not root[3]:
                instance = self.analysis.instance_under(
                    str(root[1]), state.guards, state.frames, transfer.function, transfer.instruction
                )
                if instance:
                    target = self.graph.shared.node((anonymous(root, instance), path))
            return [State(target, (), guards, label, state.entered)]
        function = self.analysis.by_id(target.function)
        config = self.analysis.config_guards(function.facts.config)
        if config and not compatible(guards, config):
            return []
        frames: tuple[Frame, ...] = ()
        if transfer.site is not None:
            caller = self.analysis.by_id(transfer.site[0])
            held = caller.held(transfer.site[1]) | caller.followed(transfer.site[1]) | guards
            if not compatible(held, transfer.guards):
                return []
            held = held | transfer.guards
            inner = self._inner_guards(transfer.site, target.function, held)
            if inner is None:
                return []
            return [State(target, ((transfer.site, held),), inner, label, state.entered)]
        return [State(target, frames, guards | config, label, state.entered)]

    def _config_only(self, guards: Guards) -> Guards:
        return frozenset(literal for literal in guards if literal[0][0] == "c")

    # ------------------------------------------------------------ the search

    def search(self, starts: list[Step], visit: Visit) -> None:
        """Breadth first from ``starts``. ``visit(step, transfer, targets)`` sees every edge and gives the
        states to go on with, so that it can mark what has entered the uABI.
        """  # noqa: D205
        seen: dict[tuple[Definition, tuple[CallSite, ...], frozenset[str]], list[tuple[Guards, Label]]] = {}
        admitted = ((step, self._admit(seen, step.state)) for step in starts)
        queue = deque(Step(state, step.transfer, step.before) for step, state in admitted if state is not None)
        before = self.states
        functions: set[int] = set()
        while queue:
            step = queue.popleft()
            self.states += 1
            functions.add(step.state.definition.function)
            spent = self.states - before
            if spent > _MAX_STATES or len(functions) > _MAX_FUNCTIONS or self.states > _MAX_ALL_STATES:
                self.truncated = True
                return
            coarse = spent > _MAX_EXACT
            for transfer in self.graph.successors(step.state.definition, step.state.guards):
                for target in visit(step, transfer, self.follow(step.state, transfer, coarse=coarse)):
                    state = self._admit(seen, target)
                    if state is not None:
                        queue.append(Step(state, transfer, step))

    def _admit(
        self,
        seen: dict[tuple[Definition, tuple[CallSite, ...], frozenset[str]], list[tuple[Guards, Label]]],
        state: State,
    ) -> State | None:
        """The state to go on with: None where those before it at the same point say all that it does.

        Beyond the bound it goes on with what it has in common with those before it, in the place of them all:
        guards only shrink and labels only grow, so nothing is lost and the search ends.
        """
        known = seen.setdefault((state.definition, state.context, state.entered), [])
        guards = state.all_guards
        for others, label in known:
            if others <= guards and label.covers(state.label):
                return None
        if len(known) >= _MAX_LABELS:
            state = _widened(state, known)
            guards = state.all_guards
            known.clear()
        known.append((guards, state.label))
        return state


def _widened(state: State, known: list[tuple[Guards, Label]]) -> State:
    """A state that stands for itself and all those known before it."""
    common = state.all_guards.intersection(*(guards for guards, _ in known))
    label = state.label
    for _, other in known:
        label = label.join(other)
    frames = tuple((site, guards & common) for site, guards in state.frames)
    return State(state.definition, frames, state.guards & common, label, state.entered)
