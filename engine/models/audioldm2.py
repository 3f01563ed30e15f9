"""AudioLDM2, music checkpoint: words through CLAP and Flan-T5, then GPT-2, into a U-Net; 16 kHz mono."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..request import LoopRequest
from .folder import ModelFolder
from .hardware import Place
from .loading import load_pipeline, visiting
from .mel import MelModel
from .span import Span, caption
from .waveform import Origin, rows


@dataclass(frozen=True, slots=True)
class _Inputs:
    words: Tensor  # [rows, tokens, width] from Flan-T5
    mask: Tensor  # [rows, tokens]
    imagined: Tensor  # [rows, 8, width], the embeddings that GPT-2 generates from the words


def open_folder(folder: ModelFolder, place: Place, origin: Origin) -> "AudioLdm2":
    """Return the model in `folder`, frozen and on its device; raise `ModelError` where it cannot be loaded."""
    pipe = load_pipeline(folder, "AudioLDM2Pipeline", place, decoders=("vae", "vocoder"))
    return AudioLdm2(pipe, place, origin)


class AudioLdm2(MelModel):
    """Meets `protocol.Model` for `AudioLDM2Pipeline`."""

    guidance = 3.5

    def condition(self, request: LoopRequest, span: Span) -> _Inputs:
        """Return the embeddings that the U-Net attends to, with guidance in two rows: negative prompt, prompt."""
        pipe, device = self._pipe, self.place.device
        text = (pipe.text_encoder, pipe.text_encoder_2, pipe.projection_model, pipe.language_model)
        with visiting(device, *text):
            words, mask, imagined = pipe.encode_prompt(
                caption(request, loop_words=self.loop_words), device, 1, self.guidance != 1,
                negative_prompt=request.negative_prompt,
            )  # fmt: skip
        return _Inputs(words, mask, imagined)

    def predict(self, noisy: Tensor, time: Tensor, inputs: Any, batch: int) -> Tensor:
        """Return the U-Net's output [rows * batch, channels, frames, bands] for `noisy`, the same shape."""
        answer: Tensor = self.network(
            noisy, time, encoder_hidden_states=rows(inputs.imagined, batch),
            encoder_hidden_states_1=rows(inputs.words, batch),
            encoder_attention_mask_1=rows(inputs.mask, batch), return_dict=False,
        )[0]  # fmt: skip
        return answer
