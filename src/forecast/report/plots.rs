//! The pictures. Drawn in two inks: what the ways are told apart by, which is seen by day and by night, and what frames them,
//! which a rule in each picture turns light on a dark page.

use std::{collections::BTreeMap, ops::Range};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    series::LineSeries,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::super::{Comparison, Row, Way, compare::minutes, lengths::Lengths, trace::Place};
use crate::settings::Spelled;

/// Frames, numbers and words.
const INK: RGBColor = RGBColor(0x33, 0x38, 0x3f);
/// Lines that only help to read.
const FAINT: RGBColor = RGBColor(0xd8, 0xdc, 0xe1);
/// Words on a coloured ground, the same by day and by night.
const ON_COLOUR: RGBColor = RGBColor(0x11, 0x11, 0x11);
/// Width of a picture.
const WIDTH: u32 = 960;
/// Waits and leads are drawn up to the time that so many of the callbacks without anything do not exceed.
const DRAWN: f64 = 0.99;
/// Points of a curve.
const POINTS: u32 = 240;
/// Callbacks whose places are drawn.
const DRAWN_CALLBACKS: usize = 6;
/// Shortest wait worth drawing, in minutes noted.
const WORTH_DRAWING: usize = 3;

/// An area to draw in.
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A chart with numbers on both axes.
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
/// What drawing may come to; into a text it does not fail.
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Words and ranges of a chart.
struct Frame<'a> {
    /// What it shows.
    caption: &'a str,
    /// What is across.
    across: &'a str,
    /// What is upward.
    upward: &'a str,
    /// From where to where across.
    x: f64,
    /// From where to where upward.
    y: Range<f64>,
}

impl Way {
    /// What it is drawn in: Okabe and Ito's colours, which colour-blind people tell apart.
    fn colour(self) -> RGBColor {
        match self {
            Self::Nothing => RGBColor(0xd5, 0x5e, 0x00),
            Self::Blueprint => RGBColor(0xe6, 0x9f, 0x00),
            Self::Yours => RGBColor(0x00, 0x72, 0xb2),
            Self::Exactly => RGBColor(0x00, 0x9e, 0x73),
        }
    }
}

/// Waits of callbacks and of calls.
pub(super) fn waits(comparison: &Comparison) -> String {
    let longest = longest(comparison, |row| &row.measured.callbacks.waits);
    picture(
        400,
        "Share of callbacks and of calls answered by each time",
        |area| {
            let (left, right) = area.split_horizontally(WIDTH / 2);
            let callbacks: fn(&Row) -> &Lengths = |row| &row.measured.callbacks.waits;
            let calls: fn(&Row) -> &Lengths = |row| &row.measured.calls.waits;
            for (area, caption, waits) in [(left, "Callbacks", callbacks), (right, "Calls", calls)]
            {
                let mut chart = framed(
                    &area,
                    &Frame {
                        caption,
                        across: "minutes since the call",
                        upward: "answered, %",
                        x: longest,
                        y: 0.0..100.0,
                    },
                )?;
                for row in &comparison.rows {
                    let share = |x: f64| waits(row).share_within(x * 60.0) * 100.0;
                    curve(&mut chart, row.way, longest, share)?;
                }
                named(&mut chart)?;
            }
            Ok(())
        },
    )
}

/// By how much callbacks are overtaken.
pub(super) fn overtakes(comparison: &Comparison) -> String {
    let longest = longest(comparison, |row| &row.measured.behind.lengths);
    let most = comparison
        .rows
        .iter()
        .map(|row| row.measured.overtaken.mean * 100.0)
        .fold(1.0, f64::max);
    picture(
        400,
        "Share of callbacks overtaken by a call that came so much later",
        |area| {
            let mut chart = framed(
                area,
                &Frame {
                    caption: "",
                    across: "minutes by which the overtaking call came later",
                    upward: "callbacks overtaken, %",
                    x: longest,
                    y: 0.0..most * 1.05,
                },
            )?;
            for row in &comparison.rows {
                let lengths = &row.measured.behind.lengths;
                let share = |x: f64| (1.0 - lengths.share_within(x.max(0.9) * 60.0)) * 100.0;
                curve(&mut chart, row.way, longest, share)?;
            }
            named(&mut chart)
        },
    )
}

/// Places in line of the same callbacks, a picture for each way.
pub(super) fn places(comparison: &Comparison) -> String {
    let chosen = chosen(comparison);
    let all = || {
        let rows = comparison.rows.iter();
        let places = rows.flat_map(|row| chosen.iter().filter_map(|one| places_of(row).get(one)));
        places.flatten()
    };
    let longest = all().map(|place| place.minutes).max().unwrap_or(10);
    let last = all().map(|place| place.place).max().unwrap_or(10);
    picture(
        640,
        "Places in line of some callbacks, minute by minute",
        |area| {
            for (area, row) in area.split_evenly((2, 2)).iter().zip(&comparison.rows) {
                let mut chart = framed(
                    area,
                    &Frame {
                        caption: row.way.name(),
                        across: "minutes since the call",
                        upward: "place in line",
                        x: minutes_of(longest) + 1.0,
                        y: 0.0..count(last) * 1.05,
                    },
                )?;
                let places = chosen.iter().filter_map(|one| places_of(row).get(one));
                for places in places {
                    let mut points = places.iter().map(point);
                    let stroke = row.way.colour().stroke_width(2);
                    chart.draw_series(LineSeries::new(points.clone(), stroke))?;
                    let end = points
                        .next_back()
                        .map(|end| Circle::new(end, 4, row.way.colour().filled()));
                    chart.draw_series(end)?;
                }
            }
            Ok(())
        },
    )
}

/// Raises by other waits and increments.
pub(super) fn grid(comparison: &Comparison) -> String {
    let mut waits: Vec<_> = comparison.grid.iter().map(|cell| cell.wait).collect();
    let mut increments: Vec<_> = comparison.grid.iter().map(|cell| cell.increment).collect();
    waits.dedup();
    increments.sort_unstable();
    increments.dedup();
    let (columns, rows) = (increments.len().max(1), waits.len().max(1));
    picture(360, "Callbacks overtaken, by wait and increment", |area| {
        let area = area.margin(30, 30, 110, 10);
        let (width, height) = area.dim_in_pixel();
        let cell_size = (
            whole(width) / whole_of(columns),
            whole(height) / whole_of(rows),
        );
        let corner = |column: usize, row: usize| {
            (whole_of(column) * cell_size.0, whole_of(row) * cell_size.1)
        };
        for (place, cell) in comparison.grid.iter().enumerate() {
            let (column, row) = (place % columns, place / columns);
            let (x, y) = corner(column, row);
            let to = (x + cell_size.0 - 3, y + cell_size.1 - 3);
            area.draw(&Rectangle::new([(x, y), to], heat(cell.overtaken).filled()))?;
            let middle = (x + cell_size.0 / 2, y + cell_size.1 / 2);
            let share = format!("{:.0} % overtaken", cell.overtaken * 100.0);
            let waits = format!("{} / {}", minutes(cell.callbacks), minutes(cell.calls));
            area.draw(&words(
                share,
                (middle.0, middle.1 - 9),
                15,
                ON_COLOUR,
                HPos::Center,
            ))?;
            area.draw(&words(
                waits,
                (middle.0, middle.1 + 10),
                13,
                ON_COLOUR,
                HPos::Center,
            ))?;
            if row == 0 {
                let points = if cell.increment == 1 {
                    "point"
                } else {
                    "points"
                };
                let heading = format!("{} {points}", cell.increment);
                area.draw(&words(heading, (middle.0, -12), 14, INK, HPos::Center))?;
            }
            if column == 0 {
                let heading = format!("every {}", Spelled(cell.wait));
                area.draw(&words(heading, (-12, middle.1), 14, INK, HPos::Right))?;
            }
        }
        Ok(())
    })
}

/// The callbacks whose places are drawn: evenly over the day, of those that wait for a while with nothing and are there in all.
fn chosen(comparison: &Comparison) -> Vec<u64> {
    let Some(first) = comparison.rows.first() else {
        return Vec::new();
    };
    let everywhere = |number: &u64| {
        let mut rows = comparison.rows.iter();
        rows.all(|row| places_of(row).contains_key(number))
    };
    let long: Vec<u64> = places_of(first)
        .iter()
        .filter(|(number, places)| places.len() >= WORTH_DRAWING && everywhere(number))
        .map(|(number, _)| *number)
        .collect();
    let every = long.len().div_ceil(DRAWN_CALLBACKS).max(1);
    long.into_iter().step_by(every).collect()
}

/// The places that were noted under a policy, by the number of the caller.
fn places_of(row: &Row) -> &BTreeMap<u64, Vec<Place>> {
    static NONE: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
    row.trace.as_ref().map_or(&NONE, |trace| &trace.places)
}

/// A picture as text.
fn picture(height: u32, label: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        // Into a text drawing does not fail.
        let _drawn = draw(&area).and_then(|()| area.present());
    }
    with_style(&text, label)
}

/// The picture with a name for those who do not see it, and the rule for dark pages.
fn with_style(picture: &str, label: &str) -> String {
    let (ink, faint) = (hex(INK), hex(FAINT));
    let opening = format!("<svg role=\"img\" aria-label=\"{label}\" ");
    let rule = format!(
        "<style>@media screen and (prefers-color-scheme: dark) {{ [fill=\"{ink}\"] {{ fill: #c9ced6 }} [stroke=\"{ink}\"] {{ stroke: #c9ced6 }} [stroke=\"{faint}\"] {{ stroke: #32373e }} }}</style>"
    );
    let named = picture.replacen("<svg ", &opening, 1);
    match named.split_once('>') {
        Some((tag, rest)) => format!("{tag}>{rule}{rest}"),
        None => named,
    }
}

/// A chart with its axes.
fn framed<'a, 'b>(
    area: &'a Area<'b>,
    frame: &Frame<'_>,
) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<std::io::Error>> {
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(54);
    if !frame.caption.is_empty() {
        builder.caption(frame.caption, text(17, INK));
    }
    let mut chart = builder.build_cartesian_2d(0.0..frame.x, frame.y.clone())?;
    chart
        .configure_mesh()
        .x_desc(frame.across)
        .y_desc(frame.upward)
        .axis_desc_style(text(14, INK))
        .label_style(text(13, INK))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .axis_style(INK)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(chart)
}

/// A curve of a way.
fn curve(chart: &mut Chart<'_, '_>, way: Way, longest: f64, y: impl Fn(f64) -> f64) -> Drawn {
    let points = (0..=POINTS).map(|point| f64::from(point) / f64::from(POINTS) * longest);
    let points = points.map(|x| (x, y(x)));
    let colour = way.colour();
    chart
        .draw_series(LineSeries::new(points, colour.stroke_width(3)))?
        .label(way.name())
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
    Ok(())
}

/// Says which curve is which.
fn named<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Drawn {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .label_font(text(14, INK))
        .margin(8)
        .draw()
}

/// Words at a place.
fn words(
    words: String,
    at: (i32, i32),
    size: u32,
    colour: RGBColor,
    horizontally: HPos,
) -> Text<'static, (i32, i32), String> {
    let style = text(size, colour).pos(Pos::new(horizontally, VPos::Center));
    Text::new(words, at, style)
}

/// How words are written.
fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("system-ui, sans-serif", size).into_font().color(&colour)
}

/// Up to where times are drawn, minutes.
fn longest(comparison: &Comparison, lengths: impl Fn(&Row) -> &Lengths) -> f64 {
    let rows = comparison.rows.iter();
    let longest = rows.map(|row| lengths(row).quantile(DRAWN) / 60.0);
    longest.fold(2.0, f64::max)
}

/// A place as a point.
fn point(place: &Place) -> (f64, f64) {
    (minutes_of(place.minutes), count(place.place))
}

/// Minutes as a number to draw.
fn minutes_of(minutes: i64) -> f64 {
    f64::from(i32::try_from(minutes).unwrap_or(i32::MAX))
}

/// A count as a number to draw.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A size in pixels.
fn whole(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

/// A count as one of pixels.
fn whole_of(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A colour from light to dark for a share.
fn heat(share: f64) -> RGBColor {
    let between = |light: u8, dark: u8| {
        let mixed = f64::from(dark).mul_add(share, f64::from(light) * (1.0 - share));
        (0..=u8::MAX)
            .rev()
            .find(|level| f64::from(*level) <= mixed)
            .unwrap_or_default()
    };
    RGBColor(
        between(0xf3, 0xe8),
        between(0xf6, 0x7d),
        between(0xf4, 0x3c),
    )
}

/// A colour as it is written.
fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}
