"""`python -m cqrs_demo` is `cqrs-demo`: how the supervisor starts the services, whatever is on the
PATH."""

from cqrs_demo.tooling.cli import main

if __name__ == "__main__":
    main()
