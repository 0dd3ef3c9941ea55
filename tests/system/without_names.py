"""Run `pix2style` without the names that Windows or macOS lacks: python without_names.py windows|macos ARGUMENTS...

Other packages ask for the system's name, which is still that of Linux, so they are imported while all names are there.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import time

_ALWAYS = ("asyncio", "multiprocessing.pool", "platform", "subprocess", "tarfile", "numpy")
_LIBRARIES = {
    "infer": ("onnxruntime",),
    "make-pairs": ("cv2",),
    "pairs": ("cv2",),
    "train": ("cv2", "torch", "torch.utils.data", "torch._dynamo", "kornia", "albumentations"),
}
_LIBRARIES["export"] = (*_LIBRARIES["train"], "onnxruntime", "torch.onnx", "onnxscript")
_MODULES = {"windows": ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog"), "macos": ()}
_NAMES = {
    "windows": {
        os: "O_NONBLOCK O_CLOEXEC O_DIRECTORY O_NOFOLLOW pread pwrite posix_fallocate posix_fadvise sched_getaffinity"
        " sched_setaffinity killpg setpriority getpriority setsid getuid geteuid getgid getpgid sysconf statvfs"
        " register_at_fork fork forkpty mkfifo chown fchown nice getloadavg PRIO_PROCESS sync"
        " fdatasync getrandom memfd_create sendfile pipe2 lchown",
        signal: "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGPIPE SIGCHLD SIGQUIT SIGTSTP SIGSTOP SIGCONT alarm"
        " setitimer",
        time: "clock_gettime CLOCK_BOOTTIME CLOCK_MONOTONIC",
    },
    "macos": {
        os: "posix_fallocate posix_fadvise sched_getaffinity sched_setaffinity pipe2 getrandom memfd_create fdatasync"
        " copy_file_range splice eventfd getxattr setxattr",
        time: "CLOCK_BOOTTIME",
    },
}


def take_away(system: str, command: str) -> None:
    """Delete the names that a system lacks from Python's modules, after importing the libraries of a command."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    for library in (*_ALWAYS, *_LIBRARIES.get(command, ())):
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    for module in _MODULES[system]:
        sys.modules[module] = None  # type: ignore[assignment]
    for module, names in _NAMES[system].items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)


if __name__ == "__main__":
    take_away(sys.argv.pop(1), sys.argv[1])
    multiprocessing.set_start_method("spawn")  # macOS and Windows do not fork

    from pix2style.cli import main

    main()
