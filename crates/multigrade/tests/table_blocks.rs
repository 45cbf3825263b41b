//! A table that is read block by block is the table that is read whole: the same rows, lines, columns and complaints.

use std::path::Path;

use multigrade::table::{Header, ReadOptions, Table, TableBlocks};
use proptest::prelude::*;

/// What a table says of itself: for each column its name and its numbers or what is wrong with it, and the lines of the rows.
type Said = (Vec<(String, Result<Vec<u64>, String>)>, Vec<u64>);

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Read whole; with `drop`, without the rows in which the column asked for is missing.
fn whole(bytes: &[u8], options: &ReadOptions) -> Result<Said, String> {
    let table = Table::parse("t", bytes, options).map_err(|error| error.to_string())?;
    let column = |name: &String| {
        let numbers = match options.gaps {
            true => table.without_gaps(&[name]).and_then(|(rows, _)| rows.numbers(name).map(bits)),
            false => table.numbers(name).map(bits),
        };
        (name.clone(), numbers.map_err(|error| error.to_string()))
    };
    let lines = (0..table.n_rows()).map(|row| table.line_of_row(row).unwrap()).collect();
    Ok((table.column_names().iter().map(column).collect(), lines))
}

/// Read in blocks of `n` rows.
fn in_blocks(bytes: &[u8], options: &ReadOptions, n: usize) -> Result<Said, String> {
    let start = || TableBlocks::parse("t", bytes, options).map_err(|error| error.to_string());
    let (mut blocks, mut names, mut lines) = (start()?, Vec::new(), Vec::new());
    while let Some(block) = blocks.next_block(n).map_err(|error| error.to_string())? {
        assert!((1..=n).contains(&block.n_rows()));
        names = block.column_names().to_vec();
        lines.extend((0..block.n_rows()).map(|row| block.line_of_row(row).unwrap()));
    }
    assert_eq!(blocks.n_rows(), lines.len());
    let column = |name: &String| {
        let (mut blocks, mut numbers) = (start()?, Vec::new());
        while let Some(block) = blocks.next_block(n).map_err(|error| error.to_string())? {
            let read = match options.gaps {
                // A block in which every row is left out.
                true if block.without_gaps(&[name]).is_err() => continue,
                true => block.without_gaps(&[name]).and_then(|(rows, _)| rows.numbers(name).map(bits)),
                false => block.numbers(name).map(bits),
            };
            match read {
                Ok(read) => numbers.extend(read),
                Err(error) => return Err(blocks.counted(error).to_string()),
            }
        }
        Ok(numbers)
    };
    Ok((names.iter().map(|name| (name.clone(), column(name))).collect(), lines))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_read_in_blocks_is_the_table_or_the_complaint_that_it_is_when_read_whole(
        text in prop::sample::select(["[a,;\"\n 1.]{0,30}", "(1,2\n|,\n|3,\n|\n|x,4\n|,0\\.5\n){0,12}", "(1;0,5\n|2;0\\.5\n|;\n|7;8\n){0,9}"].as_slice())
            .prop_flat_map(|pattern| pattern),
        n in 1..6_usize,
        gaps: bool,
        header in prop::sample::select([Header::Auto, Header::Yes, Header::No].as_slice()),
    ) {
        let options = ReadOptions { gaps, header, ..ReadOptions::default() };
        let (all, parts) = (whole(text.as_bytes(), &options), in_blocks(text.as_bytes(), &options, n));
        match (all, parts) {
            (Ok((columns, lines)), Ok((own_columns, own_lines))) => {
                prop_assert_eq!(lines, own_lines);
                for ((name, expected), (own, found)) in columns.into_iter().zip(own_columns) {
                    prop_assert_eq!(name, own);
                    match (expected, found) {
                        (Ok(expected), found) => prop_assert_eq!(Ok(expected), found),
                        // That no row is left can be said of the whole only.
                        (Err(all), Ok(none)) => prop_assert!(all.contains("missing cell") && none.is_empty(), "{}", all),
                        (Err(all), Err(found)) => prop_assert_eq!(all, found),
                    }
                }
            }
            (all, parts) => prop_assert_eq!(all, parts),
        }
    }
}

#[test]
fn arrays_read_in_blocks_are_the_arrays_read_whole_whatever_their_order_of_axes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/arrays");
    let mut n_files = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let is_array = file.extension().is_some_and(|ending| ending == "npy" || ending == "npz");
        if is_array {
            let bytes = std::fs::read(&file).unwrap();
            let expected = whole(&bytes, &ReadOptions::default());
            for n in [1, 2, 100] {
                assert_eq!(in_blocks(&bytes, &ReadOptions::default(), n), expected, "{}", file.display());
            }
            n_files += 1;
        }
    }
    assert!(n_files > 5);
}

#[test]
fn the_limit_of_memory_holds_for_a_block_and_not_for_the_table() {
    let text = format!("a,b\n{}", "1,2\n".repeat(100));
    let options = ReadOptions { max_numbers: 20, ..ReadOptions::default() };
    assert!(
        Table::parse("t", text.as_bytes(), &options).unwrap_err().to_string().contains("more memory than 20 numbers")
    );
    let mut blocks = TableBlocks::parse("t", text.as_bytes(), &options).unwrap();
    while let Some(block) = blocks.next_block(usize::MAX).unwrap() {
        assert_eq!(block.n_rows(), 10);
    }
    assert_eq!(blocks.n_rows(), 100);
}
