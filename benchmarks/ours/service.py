"""One service as it is shipped, but for what ``BENCH_WITHOUT`` names: ``python -m benchmarks.ours.service webhook``."""

import os
import sys
from importlib import import_module

if __name__ == "__main__":
    if os.environ.get("BENCH_WITHOUT"):
        from benchmarks.ours.without import leave_out

        leave_out(os.environ)
    import_module(f"aftersend_{sys.argv[1]}.entry").main()
