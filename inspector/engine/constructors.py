"""How another layer like one of the model's is built: its class, and the arguments as far as the layer tells them.

torch's own layers keep what they were made with under the same names, but for a few whose arguments have to be read
from their parts. A class of the user's may keep what it likes; what it does not keep is said, never made up.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inspector.engine.arguments import Given, bind, describe_arguments, literal_or_text, signature_of, spell_call
from inspector.engine.classes import written_class
from inspector.engine.device import building
from inspector.engine.failure import LoadFailed, refuse, sendable
from inspector.engine.inputs.recipes import DTYPES, SHORT_DTYPES, moved
from inspector.engine.kinds import home, is_a
from inspector.engine.spelling import is_plain, spelled
from inspector.schema import Argument

Values = dict[str, Any]
Readers = Mapping[str, Callable[[Any], Any]]

_PLACE = ("device", "dtype")
"""Not arguments of the layer's own: where it lives, and as what numbers."""
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_MADE_ELSEWHERE = (torch.jit.ScriptModule, torch.fx.GraphModule)
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Plan(NamedTuple):
    """A layer to be built."""

    cls: type[nn.Module]
    values: Values
    dtype: torch.dtype | None
    call: str
    """The call that makes it, without what is usual: `Linear(in_features=576, out_features=10)`."""

    def build(self, device: str) -> nn.Module:
        """The layer, new, on a device. Raises whatever the constructor raises."""
        with building(device):
            layer = self.cls(**{name: _on(value, device) for name, value in self.values.items()})
        if device.startswith("cuda"):
            layer.to(device)
        return layer if self.dtype is None else layer.to(self.dtype)


class Constructor(NamedTuple):
    """A class, and the arguments that would make a layer like the one that is there."""

    cls: type[nn.Module]
    signature: inspect.Signature
    values: Values
    """What the layer tells of its arguments."""
    dtype: torch.dtype | None
    """Of the layer's floating parameters; None when it has none."""
    assumed: tuple[str, ...] = ()
    """Arguments that the layer does not tell, and that have a default."""

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Those of the signature, with the layer's own values."""
        described = describe_arguments(_as_callable(self.cls, self.signature), self.values)
        return tuple(argument for argument in described if argument.name not in _PLACE)

    def changed(self, texts: tuple[str, ...]) -> Plan:
        """What would be built with some arguments changed, each `name=literal`; raises LoadFailed for what cannot."""
        values = {**self.values, **self._typed(texts)}
        dtype = values.pop("dtype", self.dtype)
        self._check_missing(values)
        return Plan(self.cls, values, dtype, spell_call(self.cls.__name__, (), self._told(values)))

    def _typed(self, texts: tuple[str, ...]) -> Values:
        given: dict[str, str] = {}
        for text in texts:
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals or not value:
                raise _refused(f"{text!r} is not of the form name=value")
            if name not in self.signature.parameters and not self._takes_any:
                raise self._unknown(name)
            given[name] = value
        if "device" in given:
            raise _refused("a trial lives where the layer lives: no device can be given")
        dtype = {"dtype": _dtype(given.pop("dtype"))} if "dtype" in given else {}
        literals = {name: literal_or_text(text) for name, text in given.items()}
        _, values = bind(self.signature, Given(typed=literals, texts=given))
        return {**values, **dtype}

    @property
    def _takes_any(self) -> bool:
        kinds = (parameter.kind for parameter in self.signature.parameters.values())
        return inspect.Parameter.VAR_KEYWORD in kinds

    def _unknown(self, name: str) -> LoadFailed:
        names = [known for known in self.signature.parameters if known not in _PLACE]
        near = difflib.get_close_matches(name, names, 1, 0.5)
        mend = f"Was {near[0]} meant?" if near else f"It takes {', '.join(names)}" if names else "It takes no arguments"
        return _refused(f"{self.cls.__name__} has no argument {name!r}", mend, self.arguments)

    def _check_missing(self, values: Values) -> None:
        missing = [
            name
            for name, parameter in self.signature.parameters.items()
            if parameter.default is parameter.empty and parameter.kind not in _STARRED and name not in values
        ]
        if missing:
            words = f"{', '.join(missing)} cannot be told from the layer: {self.cls.__name__} keeps no such value"
            raise _refused(words, f"Give it:  {missing[0]}=…", self.arguments)

    def _told(self, values: Values) -> Values:
        """The arguments worth saying: those that are not their default."""
        parameters = self.signature.parameters
        return {
            name: value
            for name, value in values.items()
            if name not in parameters or not _is_usual(value, parameters[name].default)
        }


def constructor_of(module: nn.Module) -> Constructor:
    """How to build another one like it. Raises LoadFailed for what is no layer by itself."""
    cls = written_class(type(module))
    name = sendable(cls.__name__)
    if is_a(module, *_MADE_ELSEWHERE):
        raise _refused(f"{name} was made from other code, not by a constructor that could be called again")
    if cls in _CONTAINERS:
        raise _refused(f"{name} is made of other modules and has no arguments of its own: try one of those")
    signature = _signature(cls, module)
    if signature is None:
        raise _refused(f"what the constructor of {name} takes cannot be told")
    kept, is_torchs = _kept(module), home(cls).startswith("torch.")
    values, assumed = {}, []
    readers = next((readers for base, readers in _READERS if issubclass(cls, base)), {})
    for argument, parameter in signature.parameters.items():
        if argument in _PLACE or parameter.kind in _STARRED:
            continue
        if argument in readers:
            values[argument] = readers[argument](module)
        elif argument in kept and (is_torchs or is_plain(kept[argument])):
            values[argument] = kept[argument]
        elif parameter.default is not parameter.empty and not is_torchs:
            assumed.append(argument)
    return Constructor(cls, signature, values, _dtype_of(module), tuple(assumed))


def _signature(cls: type[nn.Module], module: nn.Module) -> inspect.Signature | None:
    """What the constructor takes; recurrent layers of torch hide it behind *args, and it is that of their base."""
    signature = signature_of(cls)
    if signature is None or not is_a(module, nn.RNNBase) or "input_size" in signature.parameters:
        return signature
    base = inspect.signature(nn.RNNBase)
    kinds = {"mode"} if issubclass(cls, nn.LSTM) else {"mode", "proj_size"}
    parameters = [parameter for name, parameter in base.parameters.items() if name not in kinds]
    if issubclass(cls, nn.RNN):
        place = [parameter.name for parameter in parameters].index("num_layers") + 1
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.insert(place, inspect.Parameter("nonlinearity", kind, default="tanh"))
    return inspect.Signature(parameters)


def _kept(module: nn.Module) -> Values:
    """What a module keeps under names that an argument may have; of a layer or parameter of its own, that it is there.

    `bias=True` is kept as a parameter called bias; a tensor that was given, as the weights of a loss, as a buffer.
    """
    attributes = vars(module)
    buffers, made = attributes.get("_buffers") or {}, (attributes.get("_modules") or {}).get("parametrizations")
    parameters = {name: value is not None for name, value in (attributes.get("_parameters") or {}).items()}
    parameters.update(dict.fromkeys(vars(made)["_modules"] if made is not None else (), True))
    return {**attributes, **buffers, **{name: there for name, there in parameters.items() if name == "bias"}}


def _dtype_of(module: nn.Module) -> torch.dtype | None:
    for tensor in nn.Module.parameters(module):
        if tensor.is_floating_point() or tensor.is_complex():
            return tensor.dtype
    return None


def _is_usual(value: Any, default: Any) -> bool:
    """Whether a value is the default, also one for each axis of the same."""
    axes = value if is_a(value, tuple) and value and not is_a(default, tuple) else (value,)
    return all(spelled(axis) == spelled(default) for axis in axes)


def _as_callable(cls: type, signature: inspect.Signature) -> Callable[..., Any]:
    """Something whose signature is this one, for who describes arguments."""

    def constructor() -> None: ...

    constructor.__signature__ = signature  # type: ignore[attr-defined]
    constructor.__name__ = cls.__name__
    return constructor


def _on(value: Any, device: str) -> Any:
    """A tensor that was given to the layer (the weights of a loss) as a copy where the new one lives."""
    if isinstance(value, Tensor):
        return value.detach().clone().to(device)
    return moved(value, torch.device(device))


def _dtype(text: str) -> torch.dtype:
    name = text.strip("'\"").removeprefix("torch.")
    name = SHORT_DTYPES.get(name, name)
    if name not in DTYPES:
        near = difflib.get_close_matches(name, DTYPES, 1)
        raise _refused(f"there is no dtype {text!r}", f"Was {near[0]} meant?" if near else "")
    return DTYPES[name]


def _refused(message: str, mend: str = "", arguments: tuple[Argument, ...] = ()) -> LoadFailed:
    return refuse("construct", "CannotBeTried", message, mend=mend, arguments=arguments)


# --- what has to be read from the parts -------------------------------------------------------------------------------

_ENCODER_LAYER: Readers = {
    "d_model": lambda layer: layer.self_attn.embed_dim,
    "nhead": lambda layer: layer.self_attn.num_heads,
    "dim_feedforward": lambda layer: layer.linear1.out_features,
    "dropout": lambda layer: layer.dropout.p,
    "activation": lambda layer: layer.activation,
    "layer_norm_eps": lambda layer: layer.norm1.eps,
    "batch_first": lambda layer: layer.self_attn.batch_first,
    "bias": lambda layer: layer.linear1.bias is not None,
}
_TRANSFORMER: Readers = {
    "num_encoder_layers": lambda model: len(model.encoder.layers),
    "num_decoder_layers": lambda model: len(model.decoder.layers),
    "dim_feedforward": lambda model: _ENCODER_LAYER["dim_feedforward"](model.encoder.layers[0]),
    "dropout": lambda model: _ENCODER_LAYER["dropout"](model.encoder.layers[0]),
    "activation": lambda model: model.encoder.layers[0].activation,
    "layer_norm_eps": lambda model: _ENCODER_LAYER["layer_norm_eps"](model.encoder.layers[0]),
    "norm_first": lambda model: model.encoder.layers[0].norm_first,
    "bias": lambda model: _ENCODER_LAYER["bias"](model.encoder.layers[0]),
}


_READERS: list[tuple[type, Readers]] = [
    (nn.TransformerEncoderLayer, _ENCODER_LAYER),
    (nn.TransformerDecoderLayer, _ENCODER_LAYER),
    (nn.Transformer, _TRANSFORMER),
    (
        nn.MultiheadAttention,
        {
            "bias": lambda layer: layer.in_proj_bias is not None,
            "add_bias_kv": lambda layer: layer.bias_k is not None,
        },
    ),
    (nn.AdaptiveLogSoftmaxWithLoss, {"cutoffs": lambda layer: layer.cutoffs[:-1]}),
]
if hasattr(nn, "LinearCrossEntropyLoss"):
    _READERS.append(
        (
            nn.LinearCrossEntropyLoss,
            {
                "in_features": lambda layer: layer.linear.in_features,
                "bias": lambda layer: layer.linear.bias is not None,
            },
        )
    )
