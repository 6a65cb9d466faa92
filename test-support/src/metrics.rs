//! Reads the Prometheus text format as far as the daemon writes it.

use std::collections::BTreeSet;

/// The samples of one scrape.
#[derive(Debug, Clone)]
pub struct Metrics {
    samples: Vec<Sample>,
    text: String,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    /// Reads a scrape.
    ///
    /// # Panics
    ///
    /// On a line that is no sample: the daemon would have written what Prometheus can't read.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect();
        Self { samples, text: text.to_owned() }
    }

    /// The sum of all series of a name that carry these labels; `None` where there is no such series.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut values = self
            .samples
            .iter()
            .filter(|sample| sample.name == name && labels.iter().all(|label| sample.carries(*label)))
            .map(|sample| sample.value)
            .peekable();
        values.peek()?;
        Some(values.sum())
    }

    /// The names and label names of all samples, such as `zonemux_backend_up{backend}`; buckets of
    /// histograms count as their `_bucket`.
    pub fn shapes(&self) -> BTreeSet<String> {
        let shape = |sample: &Sample| {
            let labels: Vec<&str> = sample.labels.iter().map(|(name, _)| name.as_str()).collect();
            format!("{}{{{}}}", sample.name, labels.join(","))
        };
        self.samples.iter().map(shape).collect()
    }

    /// The scrape as it was.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Sample {
    fn carries(&self, (name, value): (&str, &str)) -> bool {
        self.labels.iter().any(|(own, own_value)| own == name && own_value == value)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: Vec::new(), value });
    };
    let mut rest = labels.strip_suffix('}')?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        // No value of ours holds a quote.
        let (value, after) = after.split_once('"')?;
        labels.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start_matches(',');
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_their_labels() {
        let metrics =
            Metrics::parse("# TYPE a counter\na{x=\"1\",y=\"p q\"} 2\na{x=\"1\",y=\"r\"} 3\nb 0.5\n");
        assert_eq!(metrics.sum("a", &[("x", "1")]), Some(5.0));
        assert_eq!(metrics.sum("a", &[("y", "p q")]), Some(2.0));
        assert_eq!(metrics.sum("a", &[("x", "2")]), None);
        assert_eq!(metrics.sum("b", &[]), Some(0.5));
        assert_eq!(metrics.shapes().into_iter().collect::<Vec<_>>(), ["a{x,y}", "b{}"]);
    }
}
