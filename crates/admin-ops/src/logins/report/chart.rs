//! Charts as SVG. Lines and text take the colour of the page; only the data has colours of its own.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const SIZE: (u32, u32) = (860, 300);

/// The colours of the data: distinguishable for people with colour blindness, on light and on dark.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The middle of the lower edge of a number above a bar.
const CENTRED: Pos = Pos {
    h_pos: HPos::Center,
    v_pos: VPos::Bottom,
};

/// Returns the colour of a series, by its place, as CSS has it.
pub(super) fn colour(index: usize) -> String {
    let RGBColor(red, green, blue) = COLOURS[index % COLOURS.len()];
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// One line or set of bars, with a value for each position on the axis.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) values: Vec<u64>,
}

/// Draws bars side by side, one group for each label.
pub(super) fn bars(title: &str, labels: &[String], series: &[Series]) -> String {
    draw(title, |root| {
        let (places, most) = extent(labels, series);
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_right(36)
            .x_label_area_size(34)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.5..places - 0.5, 0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(ticks(labels.len(), 12))
            .x_label_formatter(&|at| label_at(labels, *at))
            .draw()?;
        let width = 0.8 / f64::from(u32::try_from(series.len().max(1)).unwrap_or(1));
        for (index, one) in series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let offset = width * f64::from(u32::try_from(index).unwrap_or(0)) - 0.4;
            let bars = (0_u32..).zip(&one.values).map(|(place, value)| {
                let left = f64::from(place) + offset;
                Rectangle::new([(left, 0), (left + width, *value)], colour.filled())
            });
            chart.draw_series(bars)?;
            if series.len() == 1 {
                // A bar of nothing cannot be seen, but its number can.
                let style = ("sans-serif", 12).into_font().color(&BLACK).pos(CENTRED);
                chart.draw_series((0_u32..).zip(&one.values).map(|(place, value)| {
                    EmptyElement::at((f64::from(place), *value))
                        + Text::new(value.to_string(), (0, -4), style.clone())
                }))?;
            }
        }
        Ok(())
    })
}

/// Draws lines over labelled positions.
pub(super) fn lines(title: &str, labels: &[String], series: &[Series]) -> String {
    draw(title, |root| {
        let (places, most) = extent(labels, series);
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_right(36)
            .x_label_area_size(34)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.5..places - 0.5, 0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(ticks(labels.len(), 6))
            .x_label_formatter(&|at| label_at(labels, *at))
            .draw()?;
        for (index, one) in series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let points: Vec<(f64, u64)> = (0_u32..)
                .zip(&one.values)
                .map(|(place, value)| (f64::from(place), *value))
                .collect();
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        }
        Ok(())
    })
}

fn extent(labels: &[String], series: &[Series]) -> (f64, u64) {
    let places = f64::from(u32::try_from(labels.len().max(1)).unwrap_or(u32::MAX));
    let most = series.iter().flat_map(|one| &one.values).max().copied();
    // Space above the highest value, for its number.
    let most = most.unwrap_or_default();
    (places, (most + most.div_ceil(8)).max(1))
}

/// Returns how many labels an axis may have so that each of a few positions gets one.
fn ticks(places: usize, most: usize) -> usize {
    places.min(most) + 2
}

/// Returns the label at a position, or an empty text between two labels.
fn label_at(labels: &[String], at: f64) -> String {
    if at < 0.0 || at.fract() > f64::EPSILON {
        return String::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positions are those of a few labels"
    )]
    let place = at as usize;
    labels.get(place).cloned().unwrap_or_default()
}

fn draw<F>(title: &str, chart: F) -> String
where
    F: FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn,
{
    let mut svg = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        chart(&root).and_then(|()| root.present())
    };
    if let Err(error) = drawn {
        // The table beside the chart has all the figures.
        tracing::warn!(%error, title, "cannot draw a chart");
        return String::new();
    }
    // For screen readers, and so that the chart shrinks on a small screen.
    svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}\" "), 1)
}
