"""MusicLDM: words as one CLAP vector into a U-Net, 16 kHz mono. Of the public models it is nearest to DITTO's own."""

from typing import Any

from torch import Tensor

from ..request import LoopRequest
from .folder import ModelFolder
from .hardware import Place
from .loading import load_pipeline, visiting
from .mel import MelModel
from .span import Span, caption
from .waveform import Origin, rows


def open_folder(folder: ModelFolder, place: Place, origin: Origin) -> "MusicLdm":
    """Return the model in `folder`, frozen and on its device; raise `ModelError` where it cannot be loaded."""
    pipe = load_pipeline(folder, "MusicLDMPipeline", place, decoders=("vae", "vocoder"))
    return MusicLdm(pipe, place, origin)


class MusicLdm(MelModel):
    """Meets `protocol.Model` for `MusicLDMPipeline`."""

    guidance = 2.0

    def condition(self, request: LoopRequest, span: Span) -> Tensor:
        """Return the CLAP embeddings of negative prompt and prompt, in this order: [2, width]; [1, width] unguided.

        The pipeline's own encoder fails with transformers 5, whose CLAP returns an object instead of a tensor.
        """
        pipe, device = self._pipe, self.place.device
        words = caption(request, loop_words=self.loop_words)
        tokens = pipe.tokenizer(
            [words] if self.guidance == 1 else [request.negative_prompt, words],
            padding="max_length", truncation=True, max_length=pipe.tokenizer.model_max_length, return_tensors="pt",
        ).to(device)  # fmt: skip
        with visiting(device, pipe.text_encoder):
            answer = pipe.text_encoder.get_text_features(tokens.input_ids, attention_mask=tokens.attention_mask)
        embedding: Tensor = answer if isinstance(answer, Tensor) else answer.pooler_output
        return embedding.to(self.place.dtype)

    def predict(self, noisy: Tensor, time: Tensor, inputs: Any, batch: int) -> Tensor:
        """Return the U-Net's output [rows * batch, channels, frames, bands] for `noisy`, the same shape."""
        answer: Tensor = self.network(
            noisy, time, encoder_hidden_states=None, class_labels=rows(inputs, batch), return_dict=False
        )[0]
        return answer
