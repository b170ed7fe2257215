"""The upper layer's state machine as a table: PS3.8 Table 9-10, the acceptor's columns.

Every (state, event) has an entry. The requestor's states Sta4, Sta5, Sta7 and Sta9-Sta12 do not exist
here: this side never asks for an association nor for its release.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an association stands (PS3.8 9.2.1)."""

    STA1 = "idle: no connection"
    STA2 = "connection open, awaiting A-ASSOCIATE-RQ"
    STA3 = "deciding about the request"
    STA6 = "association established"
    STA8 = "release requested by the peer, our answer pending"
    STA13 = "awaiting the peer's close"


class Event(Enum):
    """What can happen (PS3.8 9.2.2); the primitives are this side's own decisions."""

    EVT3 = "A-ASSOCIATE-AC received"
    EVT4 = "A-ASSOCIATE-RJ received"
    EVT5 = "transport connection indication"
    EVT6 = "A-ASSOCIATE-RQ received"
    EVT7 = "accept primitive"
    EVT8 = "reject primitive"
    EVT9 = "P-DATA primitive"
    EVT10 = "P-DATA-TF received"
    EVT12 = "A-RELEASE-RQ received"
    EVT13 = "A-RELEASE-RP received"
    EVT14 = "release response primitive"
    EVT15 = "abort primitive"
    EVT16 = "A-ABORT received"
    EVT17 = "transport connection closed"
    EVT18 = "ARTIM expired"
    EVT19 = "unrecognised or invalid PDU received"


class Action(Enum):
    """What to do (PS3.8 Tables 9-6 to 9-9)."""

    AE5 = "open the transport, start ARTIM"
    AE6 = "stop ARTIM, decide about the request"
    AE7 = "send A-ASSOCIATE-AC"
    AE8 = "send A-ASSOCIATE-RJ, start ARTIM"
    DT1 = "send P-DATA-TF"
    DT2 = "take P-DATA-TF"
    AR2 = "take the release request"
    AR4 = "send A-RELEASE-RP, start ARTIM"
    AR5 = "stop ARTIM"
    AR7 = "send P-DATA-TF while a release is pending"
    AA1 = "send A-ABORT as user, start ARTIM"
    AA2 = "close the transport"
    AA3 = "take the abort, close the transport"
    AA4 = "take the loss of the transport"
    AA5 = "stop ARTIM after a loss before any association"
    AA6 = "ignore the PDU"
    AA7 = "send A-ABORT again"
    AA8 = "send A-ABORT as provider, start ARTIM"
    # The standard leaves these cells empty: only a fault of this program gets here.
    FAULT = "close the transport at once"


_S, _E, _A = State, Event, Action
_OPEN = (_S.STA3, _S.STA6, _S.STA8)
_PRIMITIVES = (_E.EVT5, _E.EVT7, _E.EVT8, _E.EVT9, _E.EVT14, _E.EVT15, _E.EVT18)

TABLE: dict[tuple[State, Event], tuple[Action, State]] = {
    # Nobody is there: whatever seems to happen is a fault of this program.
    **{(_S.STA1, event): (_A.FAULT, _S.STA1) for event in _E},
    (_S.STA1, _E.EVT5): (_A.AE5, _S.STA2),
    **{(_S.STA2, event): (_A.AA1, _S.STA13) for event in _E},
    **{(_S.STA2, event): (_A.FAULT, _S.STA1) for event in _PRIMITIVES},
    (_S.STA2, _E.EVT6): (_A.AE6, _S.STA3),
    (_S.STA2, _E.EVT16): (_A.AA2, _S.STA1),
    (_S.STA2, _E.EVT17): (_A.AA5, _S.STA1),
    (_S.STA2, _E.EVT18): (_A.AA2, _S.STA1),
    # With an association, or nearly one, an unexpected PDU ends it as the provider's abort.
    **{(state, event): (_A.AA8, _S.STA13) for state in _OPEN for event in _E},
    **{(state, event): (_A.FAULT, _S.STA1) for state in _OPEN for event in _PRIMITIVES},
    **{(state, _E.EVT15): (_A.AA1, _S.STA13) for state in _OPEN},
    **{(state, _E.EVT16): (_A.AA3, _S.STA1) for state in _OPEN},
    **{(state, _E.EVT17): (_A.AA4, _S.STA1) for state in _OPEN},
    (_S.STA3, _E.EVT7): (_A.AE7, _S.STA6),
    (_S.STA3, _E.EVT8): (_A.AE8, _S.STA13),
    (_S.STA6, _E.EVT9): (_A.DT1, _S.STA6),
    (_S.STA6, _E.EVT10): (_A.DT2, _S.STA6),
    (_S.STA6, _E.EVT12): (_A.AR2, _S.STA8),
    (_S.STA8, _E.EVT9): (_A.AR7, _S.STA8),
    (_S.STA8, _E.EVT14): (_A.AR4, _S.STA13),
    **{(_S.STA13, event): (_A.AA6, _S.STA13) for event in _E},
    **{(_S.STA13, event): (_A.FAULT, _S.STA1) for event in _PRIMITIVES},
    (_S.STA13, _E.EVT6): (_A.AA7, _S.STA13),
    (_S.STA13, _E.EVT19): (_A.AA7, _S.STA13),
    (_S.STA13, _E.EVT16): (_A.AA2, _S.STA1),
    (_S.STA13, _E.EVT17): (_A.AR5, _S.STA1),
    (_S.STA13, _E.EVT18): (_A.AA2, _S.STA1),
}
