"""The ``wanderbricks`` command line."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from wanderbricks_ml.commands.describe import describe_versions
from wanderbricks_ml.commands.doctor import doctor
from wanderbricks_ml.commands.forget import forget
from wanderbricks_ml.commands.new_model import new_model
from wanderbricks_ml.commands.registry import registry_group
from wanderbricks_ml.commands.report import report
from wanderbricks_ml.commands.serve import online_store, serve, serve_keys
from wanderbricks_ml.credentials import RedactingFilter, hides_credentials, redacted

Command = TypeVar("Command", bound=Callable[..., Any])

OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the eight <table>.parquet files; point WANDERBRICKS_GOLD at it.",
)


OF_THE_MACHINE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
"""Numbers of the system's errors that say that a place cannot be written or read."""


class Commands(click.Group):
    """Commands whose errors and log lines tell no credential, such as that of a store's URL."""

    @hides_credentials
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            # a folder without the right to write, a full or read-only disk: no fault of ours
            if error.errno not in OF_THE_MACHINE:
                raise
            place = f"{error.filename}: " if error.filename else ""
            message, code = redacted(f"{place}{error.strerror}; put that right, or name another place"), 1
        except click.ClickException as error:
            if redacted(error.message) == error.message:
                raise
            message, code = redacted(error.message), error.exit_code
        click.echo(f"Error: {message}", err=True)
        ctx.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wanderbricks-ml", prog_name="wanderbricks")
def main() -> None:
    """Make or import gold data for the Wanderbricks dbt project, and look after its models."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter())


main.add_command(registry_group)
registry_group.add_command(describe_versions)
main.add_command(new_model)
main.add_command(forget)
main.add_command(doctor)
main.add_command(report)
main.add_command(serve)
main.add_command(serve_keys)
main.add_command(online_store)


@main.command()
@click.option(
    "--preset",
    type=click.Choice(["tiny", "dev", "reference", "x10", "x100"]),
    default="dev",
    show_default=True,
    help="Size of the platform, see above.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Same preset and seed, same bytes.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day that is known, by default the last one of the preset. The same platform, as its files were then.",
)
@click.option(
    "--shock",
    "shocks",
    multiple=True,
    metavar="SHOCK",
    help="Plant a shock, see above; repeat it for several. They are listed in shocks.json.",
)
@click.option(
    "--world",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Laws by which guests behave, see above; 0 are the calibrated ones.",
)
@click.option("--truth", is_flag=True, help="Also write truth/, what the best possible model would predict.")
@click.option("--raw", is_flag=True, help="Also write raw/, the tables of samples.wanderbricks behind gold.")
@OUT
def simulate(
    preset: str,
    seed: int,
    until: datetime | None,
    shocks: tuple[str, ...],
    world: int,
    truth: bool,
    raw: bool,
    out: Path,
) -> None:
    """Simulate a platform and write its gold tables.

    \b
    preset     properties       users  destinations   attempts  created
    tiny               90       2,500             4     14,000  2022-08-01 to 2025-07-31
    dev             2,000      25,000            12    185,000  2022-08-01 to 2025-07-31
    reference      18,163     124,259            42     73,500  2022-12-08 to 2025-07-30
    x10           181,630   1,242,590            42    735,000  2022-12-08 to 2025-07-30
    x100        1,816,300  12,425,900            42  7,350,000  2022-12-08 to 2025-07-30

    Attempts to book are expected numbers; those that find the calendar full come to nothing, every third in tiny
    and few in reference. Engagement covers the last 547 (tiny), 400 (dev) or 120 days.

    \b
    Shocks:
      demand:DATE:FACTOR                     all attempts to book from DATE on, times FACTOR
      drift:TABLE.COLUMN:DATE:SHIFT          SHIFT added to a number from DATE on, but not below 0
      quality:nulls:TABLE.COLUMN:DATE:SHARE  a SHARE of the values from DATE on is null
      quality:duplicates:TABLE:DATE:SHARE    a SHARE of the rows from DATE on comes twice
      quality:late:TABLE:DATE:DAYS           rows from DATE on come DAYS late

    Worlds: the seed draws guests, hosts and properties, the number of the world how they behave. Each world above 0
    draws the form in which attempts to book fall with the price relative to the market's (a power; logistic, so that a
    low price gains only so much; or with a kink at the market's price); of worlds 1 to 3 each has another. How
    cancellations depend on a trait of the trip that no column tells: it raises their odds, or makes them what they are
    whatever the columns say. Hidden clusters of properties, each to the taste of some of the guests, which only
    shows in who booked what. And which earlier guests return (any alike; more, the more there were; or those of late
    rather). Truth knows it all but the last: there (worlds 3 and 4 of the first five) it has no table of users, by
    which churn and LTV are judged. From world 6 on some properties are hotels, never full, with several bookings a
    day, many of them a group's. What a world drew is in world.json, which no product reads.
    """
    from wanderbricks_ml.simulator import simulate as run
    from wanderbricks_ml.simulator.shocks import Shock

    try:
        planted = [Shock.parse(shock) for shock in shocks]
        run(preset, seed, out, until.date() if until else None, planted, truth, world)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if raw:
        from wanderbricks_ml.simulator.raw import write_raw

        write_raw(out, seed, out / "raw")


@main.group("import")
def import_group() -> None:
    """Turn published booking data into gold tables.

    Each command logs how many rows it read, kept, adjusted and dropped, rule by rule, and what of it looks odd. The
    same files give the same tables, hashed names under the same key.

    Files are CSV, parted by commas, semicolons, tabs or bars, plain or packed by gzip, bzip2, xz or zip, in UTF-8 or
    what a byte order mark says. How dates and decimals are written is found out over the whole column; what cannot be
    told is refused by the column's name. docs/own_gold.md has the rules.
    """


SOURCE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def how_to_read(command: Command) -> Command:
    """Add the options of all importers."""
    for option in [
        click.option(
            "--max-odd",
            type=click.FloatRange(0, 1),
            default=0.5,
            show_default=True,
            metavar="SHARE",
            help="Exit with 1 and write nothing where one rule drops or adjusts more than this share of rows.",
        ),
        click.option(
            "--date-order",
            type=click.Choice(["day-first", "month-first", "short-year-first"]),
            help="Order of dates such as 05-08-21, where no value of the file settles it.",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            help="Of files that are not UTF-8, such as cp1252 (Western Windows) or latin-1.",
        ),
    ]:
        command = option(command)
    return command


class SeveralFiles(click.Command):
    """A command whose repeatable options take several values at once, too, as a shell makes of `*/reviews.csv.gz`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the option again before each further value."""
        repeatable = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        spread: list[str] = []
        current, before = None, None
        for argument in args:
            if argument.startswith("-"):
                current = argument if argument in repeatable else None
            elif current and before != current:
                spread.append(current)
            spread.append(argument)
            before = argument
        return super().parse_args(ctx, spread)


@import_group.command("inside-airbnb", cls=SeveralFiles)
@click.option(
    "--listings",
    type=SOURCE_FILE,
    required=True,
    multiple=True,
    help="listings.csv.gz (the detailed one); several for further snapshots of the same city.",
)
@click.option(
    "--reviews",
    type=SOURCE_FILE,
    required=True,
    multiple=True,
    help="reviews.csv.gz (the detailed one); several for further snapshots: a review that two have counts once.",
)
@click.option(
    "--calendar",
    type=SOURCE_FILE,
    help="calendar.csv.gz; a listing without a price gets its median price there.",
)
@click.option(
    "--country",
    help="English name of the city's country, which holidays go by; by default the most frequent one in the listings.",
)
@click.option(
    "--max-nights",
    type=click.IntRange(min=1, max=365),
    default=30,
    show_default=True,
    help="A stay counts as the listing's minimum stay, but not as longer than this.",
)
@how_to_read
@OUT
def inside_airbnb(
    listings: tuple[Path, ...],
    reviews: tuple[Path, ...],
    calendar: Path | None,
    country: str | None,
    max_nights: int,
    encoding: str | None,
    date_order: str | None,
    max_odd: float,
    out: Path,
) -> None:
    """Import a city from Inside Airbnb (insideairbnb.com), files as downloaded.

    A review stands for a completed booking: it ends on the day of the review, lasts the listing's
    minimum stay at its price, and is booked on the day of arrival, since lead times are not
    published. Nothing is cancelled and there is no engagement, so that cancellation and conversion
    cannot be learned from it. Neighbourhoods are the destinations.

    Several --listings become versions of properties and hosts; a listing that a later one lacks
    ends there. Its reviews are in earlier files alone: give the --reviews of the same snapshots, too.
    A review of a listing that is in none of the --listings is dropped, and counted. Names are
    hashed under the key in the environment variable WANDERBRICKS_HASH_KEY; without one, under a
    key that is forgotten afterwards.

    \b
    Example:
      wanderbricks import inside-airbnb --listings listings.csv.gz \\
          --reviews reviews.csv.gz --country Singapore --out data/singapore
      wanderbricks import inside-airbnb --listings */listings.csv.gz --reviews */reviews.csv.gz --out data/city
    """
    from wanderbricks_ml.importers.inside_airbnb import import_inside_airbnb
    from wanderbricks_ml.importers.reading import ReadOptions

    options = ReadOptions(encoding, date_order)
    import_inside_airbnb(listings, reviews, out, calendar, country, max_nights, max_odd, options)


@import_group.command("hotel-bookings")
@click.option(
    "--csv",
    type=SOURCE_FILE,
    required=True,
    help="hotel_bookings.csv, with the published columns.",
)
@click.option(
    "--drop-duplicates",
    is_flag=True,
    help="Drop rows that equal an earlier one in every column; they are kept by default, being "
    "several rooms of one booking as far as is known.",
)
@how_to_read
@OUT
def hotel_bookings(
    csv: Path, drop_duplicates: bool, encoding: str | None, date_order: str | None, max_odd: float, out: Path
) -> None:
    """Import the hotel booking demand data set (two hotels in Portugal).

    Each row is one booking with real lead time and cancellation. A property is a hotel's room
    type, and every booking has a guest of its own, since guests cannot be recognised: what needs a
    user's history cannot be learned from it. There is no engagement.

    Columns known when a booking is made (market_segment, deposit_type and the like) go along on
    fact_booking_detail; name those that models shall use in the dbt var booking_attributes. All that
    are recommended: --vars '{booking_attributes: [market_segment, distribution_channel, deposit_type,
    customer_type, meal, agent, company, reserved_room_type, total_of_special_requests,
    is_repeated_guest, previous_cancellations, previous_bookings_not_canceled, adults, children,
    babies]}'. Not among them is required_car_parking_spaces, hindsight: nobody with a space ever cancelled.
    Special requests count what was asked for until the end, mostly with the booking.

    \b
    Example:
      wanderbricks import hotel-bookings --csv hotel_bookings.csv --out data/hotels
    """
    from wanderbricks_ml.importers.hotel_bookings import import_hotel_bookings
    from wanderbricks_ml.importers.reading import ReadOptions

    import_hotel_bookings(csv, out, drop_duplicates, max_odd, ReadOptions(encoding, date_order))


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line an alert, or a JSON list.",
)
@click.option(
    "--webhook",
    metavar="URL",
    envvar="WANDERBRICKS_ALERT_WEBHOOK",
    help="Also post the alerts there, if any are open, as JSON; a failure is logged and changes nothing else. Better "
    "than here, where other users of the machine see it, in WANDERBRICKS_ALERT_WEBHOOK.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when an alert of severity error is open.")
@click.option("--must-deliver", is_flag=True, help="Exit with 3 when the webhook does not take the alerts.")
@click.option("--target", help="Target of profiles.yml; its default without one.")
def alerts(form: str, webhook: str | None, exit_code: bool, must_deliver: bool, target: str | None) -> None:
    """Print the open problems of the models: view alerts, as the last monitoring run left it.

    The exit code is 0 unless an option asks for another. 3 goes before 1: nobody was told of the errors.

    \b
    Example:
      dbt build --selector monitoring; wanderbricks alerts --webhook https://…
    """
    import json

    from wanderbricks_ml.commands.alerts import UNDELIVERED, as_message, as_text, open_alerts, post

    if must_deliver and not webhook:
        raise click.UsageError("--must-deliver needs --webhook or WANDERBRICKS_ALERT_WEBHOOK")
    try:
        found = open_alerts(target)
    except RuntimeError as error:
        raise click.ClickException(f"{error}\nIs it built? dbt build --selector monitoring") from error
    click.echo(as_text(found) if form == "text" else json.dumps(found, indent=2))
    if webhook and found:
        try:
            delivered = post(webhook, as_message(found))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--webhook") from None
        if must_deliver and not delivered:
            raise SystemExit(UNDELIVERED)
    if exit_code and any(alert["severity"] == "error" for alert in found):
        raise SystemExit(1)
