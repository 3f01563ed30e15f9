"""The errors that the engine can tell, as a small tree; each has a code that crosses the wire.

    DittoError                (midi.errors)
      BadInputError           (midi.errors) a file, a text or a number that the producer gave cannot be used
      BadRequestError         a value in a request is not allowed
      ModelError              a model is unknown, missing, half-copied or does not fit
        MissingPackageError   an optional package is not installed
      NonFiniteLossError      a control's loss became inf or nan; the last finite best is kept
      OutOfMemoryError        the accelerator or the computer ran out of memory
      EngineUnavailableError  no engine answers, or it went away
      InternalError           a fault of ours

Every error says in one sentence what is wrong, where, and what is allowed; `remedy` says what to do.
"""

from midi.errors import BadInputError, DittoError

__all__ = [
    "BadInputError",
    "BadRequestError",
    "DittoError",
    "EngineUnavailableError",
    "InternalError",
    "MissingPackageError",
    "ModelError",
    "NonFiniteLossError",
    "OutOfMemoryError",
]


class BadRequestError(DittoError):
    """A value in a request is not allowed."""

    code = "bad_request"
    remedy = "Change the value named in the sentence and try again."


class ModelError(DittoError):
    """A model is unknown, missing, half-copied, of the wrong kind, or does not fit."""

    code = "model"
    remedy = "Run `ditto-live models` to see what can be used here."


class MissingPackageError(ModelError):
    """An optional package is not installed."""

    code = "missing_package"


class NonFiniteLossError(DittoError):
    """A control's loss became inf or nan; the last finite best is good to use."""

    code = "non_finite_loss"
    remedy = "Try another seed, or lower the weight of the control that is named."


class OutOfMemoryError(DittoError):
    """The accelerator or the computer ran out of memory."""

    code = "out_of_memory"
    remedy = "Ask for fewer bars, a smaller model or quality `draft`."


class EngineUnavailableError(DittoError):
    """No engine answers, or it went away."""

    code = "no_engine"
    remedy = "Start it with `ditto-live serve`."


class InternalError(DittoError):
    """A fault of ours; the log holds the details."""

    code = "internal"
    remedy = "Run `ditto-live doctor` and report what it says."
