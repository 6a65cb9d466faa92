use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zonemux_plugin::{Endpoint, EndpointView as _};

use super::cut_off_name;
use super::{HEADER, OpenError, RecordFile};
use crate::packed::{Packed, Packer, key};
use crate::records::{Draft, Records};

fn record(name: &str, target: &str) -> Packed {
    let endpoint = Endpoint::new(name, "TXT", [target]);
    Packer::default().pack(name, name, &endpoint, &[target])
}

enum Wish {
    Put(Packed),
    Remove(String),
}

fn put(name: &str, target: &str) -> Wish {
    Wish::Put(record(name, target))
}

fn remove(name: &str) -> Wish {
    Wish::Remove(key(name, "TXT", ""))
}

struct Fixture {
    _folder: TempDir,
    path: PathBuf,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("records");
    Fixture { _folder: folder, path }
}

fn names(path: &Path) -> Vec<String> {
    let (_file, records) = RecordFile::open(path).unwrap();
    records.iter().map(|record| record.dns_name().to_owned()).collect()
}

fn append(file: &mut RecordFile, records: &mut Records, wishes: Vec<Wish>) {
    let mut draft = Draft::new(records);
    for wish in wishes {
        match wish {
            Wish::Put(record) => draft.put(record),
            Wish::Remove(key) => draft.remove(&key),
        }
    }
    file.append(draft.steps(), draft.records()).unwrap();
    file.tidy(draft.records());
    draft.keep();
}

#[test]
fn batches_are_there_after_a_restart() {
    let fixture = fixture();
    {
        let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
        append(&mut file, &mut records, vec![put("a.org", "1"), put("b.org", "2")]);
        append(&mut file, &mut records, vec![remove("a.org"), put("c.org", "3")]);
    }
    assert_eq!(names(&fixture.path), ["b.org", "c.org"]);
    assert_eq!(names(&fixture.path), ["b.org", "c.org"]);
}

#[test]
fn a_batch_that_was_cut_off_is_dropped_whole() {
    let fixture = fixture();
    let before = {
        let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
        append(&mut file, &mut records, vec![put("a.org", "1")]);
        let before = fs::metadata(&fixture.path).unwrap().len();
        append(&mut file, &mut records, vec![put("b.org", "ü2"), remove("a.org")]);
        usize::try_from(before).unwrap()
    };
    let whole = fs::read(&fixture.path).unwrap();
    for length in before..whole.len() {
        fs::write(&fixture.path, &whole[..length]).unwrap();
        let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
        assert_eq!(records.len(), 1, "cut at {length}");
        // What is written next does not stand behind remains.
        append(&mut file, &mut records, vec![put("c.org", "3")]);
        drop(file);
        assert_eq!(names(&fixture.path), ["a.org", "c.org"], "cut at {length}");
    }
    let mut zeros = whole[..before].to_vec();
    zeros.resize(before + 100, 0);
    fs::write(&fixture.path, zeros).unwrap();
    assert_eq!(names(&fixture.path), ["a.org"], "room without data, as after a power cut");
    assert_eq!(fs::read(cut_off_name(&fixture.path)).unwrap(), [0; 100], "what was cut off is kept");
}

#[test]
fn damage_is_never_passed_over() {
    let fixture = fixture();
    {
        let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
        for target in ["1", "2", "3"] {
            append(&mut file, &mut records, vec![put("a.org", target)]);
        }
    }
    let whole = fs::read(&fixture.path).unwrap();
    for at in HEADER.len()..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&fixture.path, &damaged).unwrap();
        let error = RecordFile::open(&fixture.path).expect_err("damage");
        let text = error.to_string();
        assert!(matches!(error, OpenError::Damaged { .. }), "byte {at}: {text}");
        assert_eq!(fs::read(&fixture.path).unwrap(), damaged, "a file that is refused stays as it is");
        // What the message advises works.
        let (_, advice) = text.split_once("truncate -s ").unwrap();
        let offset = advice.split('`').next().unwrap().parse().unwrap();
        fs::OpenOptions::new().write(true).open(&fixture.path).unwrap().set_len(offset).unwrap();
        assert!(names(&fixture.path).len() <= 1);
    }
}

#[test]
fn other_files_are_left_alone() {
    let fixture = fixture();
    fs::create_dir(fixture.path.parent().unwrap()).unwrap();
    for content in ["", "hello", "zonemux memory records 2\n"] {
        fs::write(&fixture.path, content).unwrap();
        let error = RecordFile::open(&fixture.path).expect_err("not ours");
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
        assert_eq!(fs::read_to_string(&fixture.path).unwrap(), content);
    }
}

#[test]
fn a_second_opener_is_told() {
    let fixture = fixture();
    let first = RecordFile::open(&fixture.path).unwrap();
    let error = RecordFile::open(&fixture.path).expect_err("locked");
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    drop(first);
    assert!(names(&fixture.path).is_empty());
}

#[test]
fn a_path_whose_folders_are_missing_is_told() {
    let fixture = fixture();
    let error = RecordFile::open(&fixture.path.join("deeper").join("records")).expect_err("no folder");
    assert!(error.to_string().starts_with("can't make the folder `"), "{error}");
}

#[test]
fn history_is_dropped_and_records_are_kept() {
    let fixture = fixture();
    let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
    append(&mut file, &mut records, vec![put("stays.org", "1")]);
    let long = "x".repeat(60_000);
    let mut largest = 0;
    for _ in 0..100 {
        append(&mut file, &mut records, vec![put("a.org", &long)]);
        append(&mut file, &mut records, vec![remove("a.org")]);
        largest = largest.max(fs::metadata(&fixture.path).unwrap().len());
    }
    assert!(largest < 2 << 20, "the file grew to {largest} bytes");
    drop(file);
    assert_eq!(names(&fixture.path), ["stays.org"]);
    let left = fs::read_dir(fixture.path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 2, "only the file and its lock are left");
}

#[test]
fn many_records_take_several_frames() {
    let fixture = fixture();
    let wishes: Vec<Wish> = (0..10_000).map(|index| put(&format!("{index}.org"), "1")).collect();
    {
        let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
        append(&mut file, &mut records, wishes);
        file.rewrite(&records).unwrap();
    }
    assert_eq!(names(&fixture.path).len(), 10_000);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_removed_is_written_anew() {
    let fixture = fixture();
    let (mut file, mut records) = RecordFile::open(&fixture.path).unwrap();
    append(&mut file, &mut records, vec![put("a.org", "1")]);
    fs::remove_file(&fixture.path).unwrap();
    assert!(file.check().is_err());
    append(&mut file, &mut records, vec![put("b.org", "2")]);
    file.check().unwrap();
    drop(file);
    assert_eq!(names(&fixture.path), ["a.org", "b.org"]);
}
