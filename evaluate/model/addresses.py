"""Videos and cameras on a network by their addresses: opened in a time that ends, named without their passwords."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import cv2

from emonas.errors import UserError

T = TypeVar("T")

#: What FFmpeg opens as a video on a network -> the port where the address names none; None where nobody listens before.
_PORTS = {
    "rtsp": 554,
    "rtsps": 322,
    "rtmp": 1935,
    "rtmps": 443,
    "http": 80,
    "https": 443,
    "tcp": None,
    "udp": None,
    "rtp": None,
    "srt": None,
}
#: Seconds for reaching the host, for opening and reading its video, and for all of the opening.
_REACH, _OPEN, _LONGEST = 5.0, 10.0, 20.0
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/+)(.*)", re.DOTALL)


def is_address(text: str) -> bool:
    """Whether a text is meant as an address: with "://", or with one slash after a stream's scheme."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and (len(found[2]) > 1 or found[1].lower() in _PORTS)


def legible_address(text: str) -> str:
    """Scheme, host and port; users, passwords and paths, in which cameras have their keys, are left out."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    plain = re.sub(r"[^\w.:-]", "", host, flags=re.ASCII)
    return f"{text.split(':')[0].lower()}://{plain}{f':{port}' if port else ''}"


def open_address(text: str) -> cv2.VideoCapture:
    """The video at an address. Raises UserError, after some seconds at the latest, with what went wrong."""
    name, scheme = legible_address(text), text.split(":")[0].lower()
    if scheme not in _PORTS:
        raise UserError(
            f"{name}: an address, but not of a video stream ({', '.join(_PORTS)}); of other things give the file's path"
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or _PORTS[scheme]
    except ValueError:
        host = None
    if not host:
        raise UserError(f"{name}: not a whole address: {scheme}://HOST/PATH is needed")
    return _in_time(lambda: _opened(text, name, host, port if scheme not in getproxies() else None), name)


def _opened(text: str, name: str, host: str, port: int | None) -> cv2.VideoCapture:
    if port and text.split(":")[0].lower() not in ("udp", "rtp", "srt") and (reason := _unreachable(host, port)):
        raise UserError(f"{name}: the stream cannot be opened: {reason}")
    milliseconds = int(1000 * _OPEN)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = cv2.VideoCapture(text, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise UserError(
            f"{name}: the stream cannot be opened: no video comes from this address; are its path, user and password "
            "right?"
        )
    return capture


def _unreachable(host: str, port: int) -> str:
    """Why nobody answers there; an empty string where somebody does."""
    try:
        socket.create_connection((host, port), _REACH).close()
    except socket.gaierror:
        return "there is no such host"
    except UnicodeError:
        return "this cannot be the name of a host"
    except TimeoutError:
        return f"no answer within {_REACH:.0f} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _in_time(act: Callable[[], T], name: str) -> T:
    """What ``act`` gives or raises. Raises UserError where it takes too long: a resolver or a decoder may hang."""
    given: list[T] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            given.append(act())
        except Exception as error:
            raised.append(error)

    # Left behind where it hangs; it does not keep the process from ending.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_LONGEST)
    if raised:
        raise raised[0]
    if not given:
        raise UserError(f"{name}: the stream cannot be opened: no answer within {_LONGEST:.0f} s")
    return given[0]
