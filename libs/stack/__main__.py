import sys

from libs.stack.cli import main

sys.exit(main())
