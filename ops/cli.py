"""The command line."""


def main() -> None:
    """Placeholder for the first slice."""


if __name__ == "__main__":
    main()
