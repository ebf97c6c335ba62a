"""From facts to flows.

``analysis`` is what all parts share: functions, calls between them, and values ask each other through it. Above them
stand the def-use ``graph`` and the ``words`` of masks, then the ``search`` for flows, and what ``boot`` code leaves.
"""
