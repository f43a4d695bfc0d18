"""One service as it is shipped, but for what ``BENCH_WITHOUT`` names: ``python -m benchmarks.ours.service webhook``."""

import os
import sys
from importlib import import_module

from benchmarks.worker import profiled

if __name__ == "__main__":
    if os.environ.get("BENCH_WITHOUT"):
        from benchmarks.ours.without import leave_out

        leave_out(os.environ)
    if os.environ.get("BENCH_PROFILE"):
        service = import_module(f"aftersend_{sys.argv[1]}.main")  # its imports are no part of the profile
        with profiled():
            service.main()
    else:
        import_module(f"aftersend_{sys.argv[1]}.entry").main()
