//! Lines in columns, for people.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Rows whose cells stand below each other; all but the last are filled up with spaces.
#[derive(Debug)]
pub(super) struct Columns<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Columns<N> {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row. What a terminal would act on is taken out of it.
    pub(super) fn push(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| plain(&cell)));
    }

    /// Prints all rows, each after `indent`.
    pub(super) fn write(&self, indent: &str, out: &mut impl Write) -> io::Result<()> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut text = indent.to_owned();
            for (position, (cell, width)) in row.iter().zip(widths).enumerate() {
                let width = if position + 1 == N { 0 } else { width };
                // A string takes all.
                let _written = write!(text, "{cell:width$}  ");
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// A text without what a terminal would act on: records may hold anything.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}
