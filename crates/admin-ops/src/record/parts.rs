//! Splits an event that names more devices than fit into a line of the trail. Pure.

use easemob_admin_audit::Event;
use serde_json::{Value, json};

/// How many bytes of device ids one event may name; with everything else it stays far below the longest line.
const MOST: usize = 512 * 1024;

/// This many devices fit into one event, whatever their ids.
const SURELY_FEW: usize = 256;

/// The detail that lists devices that could not be signed out.
pub(super) const FAILED: &str = "failed_devices";

/// The detail with the number of a part.
pub(super) const PART: &str = "part";

/// The detail with the number of parts.
pub(super) const PARTS: &str = "parts";

/// Returns the events that represent `event`: itself, or numbered parts.
///
/// Every part has everything except the devices; each device is in one part.
pub(super) fn in_parts(event: Event) -> Vec<Event> {
    let failed = event.details.get(FAILED).and_then(Value::as_array);
    if event.devices.len() + failed.map_or(0, Vec::len) <= SURELY_FEW {
        return vec![event];
    }
    let failed = failed.into_iter().flatten().filter_map(Value::as_str);
    let mut all: Vec<(String, bool)> = failed.map(|id| (id.to_owned(), true)).collect();
    let mut whole = event;
    let ended = std::mem::take(&mut whole.devices);
    all.splice(0..0, ended.into_iter().map(|id| (id, false)));
    whole.details.remove(FAILED);

    let mut parts: Vec<(usize, Event)> = vec![(0, whole.clone())];
    for (id, has_failed) in all {
        let length = json!(id).to_string().len() + 1;
        let full = parts.last().is_none_or(|(bytes, _)| bytes + length > MOST);
        if full {
            parts.push((0, whole.clone()));
        }
        let Some((bytes, part)) = parts.last_mut() else {
            continue;
        };
        *bytes += length;
        if has_failed {
            let failed = part.details.entry(FAILED).or_insert_with(|| json!([]));
            if let Value::Array(failed) = failed {
                failed.push(id.into());
            }
        } else {
            part.devices.push(id);
        }
    }
    let count = parts.len();
    let numbered = (1..).zip(parts).map(|(number, (_, mut part))| {
        if count > 1 {
            part.details.insert(PART.into(), json!(number));
            part.details.insert(PARTS.into(), json!(count));
        }
        part
    });
    numbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use easemob_admin_audit::{EventTime, Kind, LONGEST_LINE};

    fn event(devices: usize, failed: usize, name: &str) -> Event {
        let mut event = Event::new(EventTime::from_millis(5), Kind::Outcome);
        event.user = Some("ann".into());
        event.error = Some("x".repeat(2_000));
        event.devices = (0..devices).map(|number| format!("{name}{number}")).collect();
        if failed > 0 {
            let failed: Vec<String> = (0..failed).map(|number| format!("{name}f{number}")).collect();
            event.details.insert(FAILED.into(), json!(failed));
        }
        event
    }

    fn failed_of(event: &Event) -> Vec<String> {
        let failed = event.details.get(FAILED).and_then(Value::as_array);
        let failed = failed.into_iter().flatten().filter_map(Value::as_str);
        failed.map(str::to_owned).collect()
    }

    #[test]
    fn however_many_devices_there_are_each_is_in_one_line() {
        let longest = "\u{1}".repeat(240);
        for (devices, failed, name, parts) in [
            (0, 0, "ios_", 1),
            (4, 2, "ios_", 1),
            (256, 0, &longest, 1),
            (257, 0, "ios_", 1),
            (30_000, 0, "android_", 1),
            (60_000, 0, "android_", 2),
            (0, 60_000, "android_", 2),
            (30_000, 30_000, "android_", 2),
            (30_000, 0, "ios_0123456789abcdef0123456789abcdef", 3),
            (10_000, 10_000, &longest, 56),
        ] {
            let whole = event(devices, failed, name);
            let found = in_parts(whole.clone());
            assert_eq!(found.len(), parts, "{devices} {failed}");
            let lengths = found
                .iter()
                .map(|part| serde_json::to_string(part).unwrap().len());
            assert!(lengths.max() < Some(LONGEST_LINE - 1_000), "{devices} {failed}");
            let ended: Vec<String> = found.iter().flat_map(|part| part.devices.clone()).collect();
            assert_eq!(ended, whole.devices);
            let failed: Vec<String> = found.iter().flat_map(failed_of).collect();
            assert_eq!(failed, failed_of(&whole));
            for (number, part) in (1..).zip(&found) {
                let numbered = (part.details.get("part"), part.details.get("parts"));
                let expected = (parts > 1).then(|| (json!(number), json!(parts)));
                assert_eq!(
                    numbered,
                    expected.as_ref().map(|(part, parts)| (part, parts)).unzip()
                );
                assert_eq!((&part.user, &part.error), (&whole.user, &whole.error));
            }
        }
    }
}
