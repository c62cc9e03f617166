"""Starts the instances of functions as forks of a process that has loaded their libraries.

    python -P fork_server.py CHILD MODULE...

A new interpreter spends half a second of CPU on boto3 and Powertools, and every instance pays it. A fork pays
only for the function's own modules, and makes its client of DynamoDB from what the server has read. Standard
input is a socket. Each request has the variables and the folder of an instance, a pipe to read and a pipe to
write. The answers are process ids, and exit statuses later. At the end of the socket the server ends. The
instances end by themselves with the engine (`child.py`).

The server has no threads, because a fork copies only the thread that calls it.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

MAX_REQUEST = 1024 * 1024  # bytes


def main() -> None:
    child, *modules = sys.argv[1:]
    for module in modules:
        with contextlib.suppress(ImportError):  # the functions of this template may do without it
            importlib.import_module(module)
    if "boto3" in sys.modules:
        read_models()
        send_faster()
    gc.freeze()  # a collection in an instance would copy the memory that all share
    engine = socket.socket(fileno=os.dup(0))
    exits, wake_up = socket.socketpair()
    wake_up.setblocking(False)
    signal.set_wakeup_fd(wake_up.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    selector = selectors.DefaultSelector()
    selector.register(engine, selectors.EVENT_READ)
    selector.register(exits, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if exits in ready:
            exits.recv(4096)
            report_exits(engine)
        if engine in ready:
            message, pipes, _, _ = socket.recv_fds(engine, MAX_REQUEST, 2)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for inherited in (selector, engine, exits, wake_up):
                    inherited.close()
                return become_instance(child, json.loads(message), *pipes)
            lead_group(pid)
            for pipe in pipes:
                os.close(pipe)
            engine.send(json.dumps({"pid": pid}).encode())


def read_models() -> None:
    """Read what botocore reads before it makes a client: 2 MB of JSON, that of DynamoDB included.

    It stays in boto3's default session, which makes the clients of an instance. That session looks for
    variables and credentials only when it makes one.
    """
    boto3, botocore = (importlib.import_module(name) for name in ("boto3", "botocore.session"))
    session = botocore.get_session()
    boto3.setup_default_session(botocore_session=session)
    loader = session.get_component("data_loader")
    for name in ("endpoints", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    loader.load_data_with_path("partitions")
    loader.list_available_services("service-2")
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("dynamodb", kind)


def send_faster() -> None:
    """Let botocore send to this machine by loopback_http.py, beside this file."""
    spec = importlib.util.spec_from_file_location(
        "loopback_http", Path(__file__).with_name("loopback_http.py")
    )
    assert spec is not None and spec.loader is not None
    loopback_http = importlib.util.module_from_spec(spec)
    with contextlib.suppress(ImportError):  # without httptools, which comes with the layer
        spec.loader.exec_module(loopback_http)
        loopback_http.install()


def report_exits(engine: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):  # all have been reported
        while (exited := os.waitpid(-1, os.WNOHANG))[0]:
            status = os.waitstatus_to_exitcode(exited[1])
            engine.send(json.dumps({"pid": exited[0], "status": status}).encode())


def lead_group(pid: int) -> None:
    """Make a fork the leader of a process group: the engine signals the group.

    Both sides do, because either may run first, and the engine may signal as soon as it knows the process id.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or has done so itself
        os.setpgid(pid, pid)


def become_instance(child: str, request: dict[str, object], stdin: int, stdout: int) -> None:
    """Turn this fork into what `python -P child.py ARGUMENT...` in that folder would be."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    lead_group(0)
    for descriptor, target in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(descriptor, target)
    os.close(stdin)
    os.close(stdout)
    folder, variables, arguments = request["folder"], request["variables"], request["arguments"]
    assert isinstance(folder, str) and isinstance(variables, dict) and isinstance(arguments, list)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    if "aws_xray_sdk.core" in sys.modules:
        recorder = sys.modules["aws_xray_sdk.core"].xray_recorder
        recorder.emitter.set_daemon_address(variables.get("AWS_XRAY_DAEMON_ADDRESS"))
    sys.path[:0] = [path for path in variables.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = [child, *arguments]
    runpy.run_path(child, run_name="__main__")


if __name__ == "__main__":
    main()
