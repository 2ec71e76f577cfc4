"""Threads of dbt do not import a library at the same time."""

from __future__ import annotations

import importlib
import threading
import time

import pytest

from wanderbricks_ml import libraries


def test_one_thread_imports_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, met = [], []

    def slow(name: str) -> None:
        met.append(len(busy))
        busy.append(name)
        time.sleep(0.01)
        busy.remove(name)

    monkeypatch.setattr(importlib, "import_module", slow)
    threads = [threading.Thread(target=libraries.import_first, args=("a", "b", "c")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [0] * 12
