"""What the daemon tells about itself: Prometheus metrics, and whether it is alive and ready."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

import fleetkeeper
from fleetkeeper.bounded_server import BoundedServer
from fleetkeeper.core.notices.values import Delivery, Turn
from fleetkeeper.core.readiness import Tally
from fleetkeeper.engine.deliver import DeliveryCounts
from fleetkeeper.engine.observe import Outcome
from fleetkeeper.errors import FleetkeeperError

_log = structlog.get_logger("serve")

_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800)
_REQUEST_SECONDS = 10.0
"""How long one request may take as a whole; who sends or reads slower is cut off."""
_MOST_REQUESTS = 16
_DEAD = b"the schedule, the engine or what tells people does not run\n"
_READY_SECONDS = 3.0
"""How long a probe waits for the database; PostgreSQL itself would be waited for longer than any probe lasts."""


class Metrics:
    """Metrics of one process; labels never carry names of objects, but for clusters that can be taken back."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge("fleetkeeper_build_info", "This version.", ["version"], registry=self.registry)
        build.labels(fleetkeeper.__version__).set(1)
        self._observed = _Observed()
        self.registry.register(self._observed)
        self._assessed = _Assessed()
        self.registry.register(self._assessed)
        self._rollbacks = _Rollbacks()
        self.registry.register(self._rollbacks)
        self._notices = _Notices()
        self.registry.register(self._notices)
        self.observation_seconds = Histogram(
            "fleetkeeper_observation_seconds", "Length of an observation.", buckets=_BUCKETS, registry=self.registry
        )
        self.store_failures = Counter(
            "fleetkeeper_store_failures_total", "Times the database could not be reached.", registry=self.registry
        )
        self.engine_up = Gauge("fleetkeeper_engine_up", "1 while this process runs the engine.", registry=self.registry)
        self._job_failures = Counter(
            "fleetkeeper_job_failures_total", "Scheduled work that failed.", ["job"], registry=self.registry
        )

    def observed(self, outcome: Outcome, now: datetime) -> None:
        """Tell of an observation; one that was stopped says nothing about the fleet."""
        if not outcome.stopped:
            self._observed.last = (outcome, now)

    def assessed(self, tally: Tally) -> None:
        """Tell of an assessment of the whole fleet."""
        self._assessed.last = tally

    def rollbacks(self, until: Mapping[tuple[str, str, str], datetime], clock: Callable[[], datetime]) -> None:
        """Tell until when EKS takes control planes back: (name, account, region) → the end, by the clock given."""
        self._rollbacks.until, self._rollbacks.clock = until, clock

    def notified(self, turn: Turn, now: datetime) -> None:
        """Tell of a turn of notices; a bot that goes quiet must not look as if all were well."""
        self._notices.turn = (turn, now)

    def outbox(self, counts: Mapping[Delivery, int]) -> None:
        """Tell what is in the outbox, over all replicas."""
        self._notices.counts = counts

    def delivers(self, counts: DeliveryCounts) -> None:
        """Tell what this process delivers, at each scrape anew."""
        self._notices.delivered = counts

    def job_failed(self, job: str) -> None:
        self._job_failures.labels(job).inc()


class _Observed:
    """The last observation that ran to its end. Before the first there is none of these: 0 would be a lie."""

    def __init__(self) -> None:
        self.last: tuple[Outcome, datetime] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self.last is None:
            return
        outcome, at = self.last
        yield GaugeMetricFamily(
            "fleetkeeper_last_observation_timestamp_seconds", "Its end; alert when it is old.", at.timestamp()
        )
        yield GaugeMetricFamily("fleetkeeper_clusters", "Clusters of the last observation.", outcome.clusters)
        yield GaugeMetricFamily(
            "fleetkeeper_clusters_incomplete", "Clusters of which a part was not seen.", outcome.incomplete
        )
        yield GaugeMetricFamily(
            "fleetkeeper_scopes_not_listed", "Accounts and regions that could not be listed.", len(outcome.not_listed)
        )


class _Assessed:
    """The last assessment of the whole fleet; a code that finds nothing any more is gone, not 0."""

    def __init__(self) -> None:
        self.last: Tally | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self.last is None:
            return
        clusters = GaugeMetricFamily(
            "fleetkeeper_clusters_by_readiness", "Clusters by their worst hop.", labels=["verdict"]
        )
        for verdict, count in sorted(self.last.verdicts.items()):
            clusters.add_metric([verdict], count)
        yield clusters
        findings = GaugeMetricFamily(
            "fleetkeeper_findings", "Findings that are not waived.", labels=["severity", "code"]
        )
        for (severity, code), count in sorted(self.last.findings.items()):
            findings.add_metric([severity, code], count)
        yield findings


class _Rollbacks:
    """What is left of the ways back, at each scrape anew; one that is over is gone."""

    def __init__(self) -> None:
        self.until: Mapping[tuple[str, str, str], datetime] | None = None
        self.clock: Callable[[], datetime] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self.until is None or self.clock is None:
            return
        family = GaugeMetricFamily(
            "fleetkeeper_rollback_seconds_left",
            "For how long EKS takes a control plane back.",
            labels=["cluster", "account", "region"],
        )
        now = self.clock()
        for labels, until in sorted(self.until.items()):
            if until > now:
                family.add_metric(labels, (until - now).total_seconds())
        yield family


class _Notices:
    """The last turn of notices, and what became of the messages. Before the first turn there is none of its figures."""

    def __init__(self) -> None:
        self.turn: tuple[Turn, datetime] | None = None
        self.counts: Mapping[Delivery, int] = {}
        self.delivered: DeliveryCounts | None = None

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        if self.turn is not None:
            turn, at = self.turn
            yield GaugeMetricFamily(
                "fleetkeeper_last_notify_timestamp_seconds", "The last turn of notices; alert when old.", at.timestamp()
            )
            muted = GaugeMetricFamily("fleetkeeper_checks_muted", "Checks muted for 'not mine'.", labels=["code"])
            for code, share in sorted(turn.muted.items()):
                muted.add_metric([code], share)
            yield muted
        if self.counts:
            outbox = GaugeMetricFamily("fleetkeeper_notices", "Messages in the outbox, by state.", labels=["state"])
            for state, count in sorted(self.counts.items()):
                outbox.add_metric([state.value], count)
            yield outbox
        if self.delivered is not None:
            yield from self._delivery(self.delivered)

    def _delivery(self, delivered: DeliveryCounts) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        yield GaugeMetricFamily(
            "fleetkeeper_notices_behind_seconds", "How long the oldest due message waits.", delivered.behind
        )
        ended = CounterMetricFamily(
            "fleetkeeper_deliveries", "Attempts of this process, by way out and end.", labels=["via", "end"]
        )
        for (via, what), count in sorted(delivered.ended().items()):
            ended.add_metric([via.value, what.value], count)
        yield ended


class Readiness:
    """Asks the database on behalf of probes: once at a time, and no probe waits longer than a few seconds."""

    def __init__(self, check: Callable[[], None], patience: float = _READY_SECONDS) -> None:
        self._check = check
        self._patience = patience
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    def reason(self) -> str:
        """Why it is not ready, "" when it is."""
        with self._lock:
            if self._asking is None or self._asking.answered.is_set():
                self._asking = _Asking()
                threading.Thread(target=self._asking.ask, args=(self._check,), name="ready", daemon=True).start()
            asking = self._asking
        if not asking.answered.wait(self._patience):
            return f"the database did not answer within {self._patience:g} s"
        return asking.reason


class _Asking:
    def __init__(self) -> None:
        self.answered = threading.Event()
        self.reason = ""

    def ask(self, check: Callable[[], None]) -> None:
        try:
            check()
        except FleetkeeperError as error:
            self.reason = str(error)
        except Exception as error:  # a probe must have an answer
            self.reason = f"a fault of fleetkeeper's own: {type(error).__name__}: {error}"
        finally:
            self.answered.set()


class HealthServer:
    """/healthz (schedule and engine run), /readyz (the database answers and is of this version) and /metrics."""

    def __init__(self, listen: str, metrics: Metrics, readiness: Readiness, alive: Callable[[], bool]) -> None:
        """Raises ConfigError when nothing can listen there."""
        handler = _handler(metrics, readiness, alive)
        self._server = BoundedServer(listen, "serve.listen", handler, _MOST_REQUESTS, _REQUEST_SECONDS)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._thread.start()
        _log.info("listening", url=self.url)

    def stop(self) -> None:
        """Stop listening; requests under way are left to their threads, which end with the process."""
        self._server.shutdown()
        self._server.server_close()


def _handler(metrics: Metrics, readiness: Readiness, alive: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            path = urlsplit(self.path).path
            if path == "/healthz":
                self._answer(200, b"ok\n") if alive() else self._answer(503, _DEAD)
            elif path == "/readyz":
                self._ready()
            elif path == "/metrics":
                self._answer(200, generate_latest(metrics.registry), "text/plain; version=0.0.4; charset=utf-8")
            else:
                self._answer(404, b"there is /healthz, /readyz and /metrics\n")

        do_HEAD = do_GET  # noqa: N815

        def _ready(self) -> None:
            reason = readiness.reason()
            answer = {"ready": False, "reason": reason} if reason else {"ready": True}
            self._answer(503 if reason else 200, json.dumps(answer).encode() + b"\n", "application/json")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def version_string(self) -> str:
            return "fleetkeeper"  # not which Python this is

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is not worth a line."""

    return Handler
