"""The Hugging Face hub, asked briefly before anything is fetched from it."""

from __future__ import annotations

TIMEOUT_S = 5.0
HTTP_SERVER_ERROR = 500


def hub_answers() -> bool:
    """Whether the hub can be reached, asked once and briefly; its own libraries would retry for half a minute."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except Exception:  # of many kinds, those of the HTTP library of the day: whatever went wrong, it did not answer
        return False
    return bool(answer.status_code < HTTP_SERVER_ERROR)
