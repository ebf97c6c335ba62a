"""What a question about the value in a place says, from the stores and calls that may have left it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import fits, integer_type, stored_constant
from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, join
from fpuscan.ir import ENTRY, Addr, Assign, Binary, Call, Cast, Const, FunctionRef, Load
from fpuscan.places import covers, is_several
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.functions.cases import Cases
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.questions import Question
    from fpuscan.ir import Expr
    from fpuscan.places import Place
    from fpuscan.symbols.declarators import CType

__all__ = ["Definitions"]

_TELLING = Const | Load | Addr | FunctionRef  # values whose truth says something, or is known

_OUTSIDE = frozenset({ENTRY})


class Definitions:
    """Literals about the definitions of places, and what follows from what was stored."""

    def __init__(self, function: FunctionAnalysis, cases: Cases) -> None:
        self.function = function
        self.analysis = function.analysis
        self.cases = cases
        self.id = function.id
        self.code = function.code

    def answer(self, node: int, place: Place, question: Question, depth: int = 0, under: Guards = NOTHING) -> Guards:
        """What follows when the value in ``place`` is as a question wants it, where ``under`` holds."""
        reaching = self.function.reaching(node, place, under)
        if under and reaching == _OUTSIDE and not any(map(question.is_met_by, self.analysis.flags.values(place))):
            return IMPOSSIBLE
        if under and reaching == _OUTSIDE and place[0][0] == "g":
            word = self.analysis.tables.constant(place)
            if word is not None:
                return NOTHING if question.is_met_by(word) else IMPOSSIBLE
        truth = question.about == "truth"
        found = None if truth else self._by_constants(reaching, question)
        if found is not None:
            return found
        found = self._by_definitions(node, place, reaching, question, depth, under)
        if found is not None and (truth or found == IMPOSSIBLE):
            return found
        literal = question.literal(("b", self.id, *place, reaching))
        return frozenset({literal}) if found is None else found | {literal}

    def _by_constants(self, reaching: frozenset[int], question: Question) -> Guards | None:
        """The answer where nothing but constants was stored, and all say the same."""
        answers: set[bool] = set()
        for definition in reaching:
            instruction = self.code[definition]
            value = _stored(instruction) if isinstance(instruction, Assign) and not instruction.weak else None
            if not isinstance(value, Const) or value.value is None:
                return None
            answers.add(question.is_met_by(value.value))
        if len(answers) != 1:
            return None
        return NOTHING if True in answers else IMPOSSIBLE

    def _by_definitions(
        self, node: int, place: Place, reaching: frozenset[int], question: Question, depth: int, under: Guards
    ) -> Guards | None:
        """What is asked about a variable, from what was stored into it: ``bool host = !guest``."""
        if depth > 6 or len(reaching) > 4 or ENTRY in reaching:  # bounds on work
            return None
        consistent: list[Guards] = []
        for definition in self.function.reachable(reaching):
            inner = self._by_definition(place, definition, question, depth, under)
            if inner is None:
                return None
            if inner != IMPOSSIBLE:
                if len(reaching) > 1:
                    inner = self.function.lasting_guards(definition, place, inner, node)
                elif inner:
                    inner = self.function.lasting(inner, definition, place) or None
                if inner is None:
                    return None
                consistent.append(inner)
        if not consistent:
            return IMPOSSIBLE
        common = join(*consistent)
        if len(reaching) == 1 and not common:
            instruction = self.code[next(iter(reaching))]
            known = isinstance(instruction, Assign) and isinstance(instruction.value, Const)
            return common if known else None
        return common

    def _by_definition(
        self, place: Place, definition: int, question: Question, depth: int, under: Guards
    ) -> Guards | None:
        """The same from the one call or store that left the value of a variable, or of a member of one, there."""
        instruction = self.code[definition]
        if isinstance(instruction, Call):
            return self._by_call(definition, instruction, place, question)
        if not isinstance(instruction, Assign):
            return None
        written = self.function.writes(definition)
        if under and not self.function.kills(definition, place, under):
            return None
        if not under and (len(written) != 1 or not written[0][2] or written[0][3]):
            return None
        targets = [path for root, path, *_ in written if covers((root, path), place)]
        if not targets:
            return None
        below = place[1][len(targets[0]) :]
        if below:
            return self._of_copy(definition, instruction.value, below, question, depth)
        return self._of_store(definition, instruction, question, depth)

    def _by_call(self, definition: int, call: Call, place: Place, question: Question) -> Guards | None:
        """The same from what a call returned, or left in a variable whose address it got."""
        if call.result is not None and place == (self.function.variable_root(call.result), ()):
            return self.analysis.calls.returned(self.function, definition, question)
        return self.analysis.calls.left(self.function, definition, place, question)

    def _of_store(self, definition: int, store: Assign, question: Question, depth: int) -> Guards | None:
        value = _stored(store)
        match question.about:
            case "truth":
                if not isinstance(value, _TELLING) and not is_boolean(value) and not _is_gate(value):
                    return self._of_arithmetic(definition, store, question)
                narrowed = not fits(value, store.target.type) and not is_boolean(value)
                if narrowed and not question.want:
                    return NOTHING
            case "bits":
                if question.constant != stored_constant(question.constant, store.target.type):
                    return None
            case _:
                if not fits(value, store.target.type) or _turns_negative(value, store.target.type):
                    return self._of_arithmetic(definition, store, question)
        return question.of_value(self.function, definition, value, depth + 1)

    def _of_arithmetic(self, definition: int, store: Assign, question: Question) -> Guards | None:
        """The same where the type of the target, or an operator, makes another value of a flag."""
        ctype = store.target.type
        if ctype is None or ctype.integer is None:
            return None
        value = Cast(ctype, ctype.integer[0], store.value)
        return self.cases.where(definition, value, lambda each: question.is_met_by(each.number & WORD))

    def _of_copy(
        self, definition: int, value: Expr, below: tuple[str, ...], question: Question, depth: int
    ) -> Guards | None:
        """The same about a member of a struct that was copied as a whole."""
        places = self.function.resolve(definition, value.place) if isinstance(value, Load) else []
        if len(places) != 1:
            return None
        root, path, guards = places[0]
        unresolved = root[0] == "h" and root[2] is None
        if guards or unresolved or is_several(path):
            return None
        return self.answer(definition, (root, (*path, *below)), question, depth + 1)


def _stored(instruction: Assign) -> Expr:
    """What a store leaves in its target: a constant as wide as that is, any other value as written."""
    value = instruction.value
    if not isinstance(value, Const) or value.value is None:
        return value
    word = stored_constant(value.value, instruction.target.type)
    return value if word == value.value else Const(word, value.text)


def _turns_negative(value: Expr, ctype: CType | None) -> bool:
    """Whether a store into a signed bit-field may change the sign: 1 becomes -1."""
    kind = integer_type(value)
    if ctype is None or kind is None or not ctype.width:
        return False
    return not kind[1] and ctype.integer == (kind[0], True)


def _is_gate(expr: Expr) -> bool:
    return isinstance(expr, Binary) and expr.op in {"&", "|"}
