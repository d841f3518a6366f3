//! Columns of a table that hold what people are: names, addresses, telephone numbers, by the words at their head.
//!
//! Invariant: only the words at the head are looked at. One that is about people alone counts by itself; one that things have too
//! (a name, an address) counts only beside another.

use super::kind::Kind;
use csv::{ReaderBuilder, StringRecord};
use std::collections::BTreeSet;

/// Words that head columns about people, and nothing else.
const OF_PEOPLE: &[&str] = &[
    "姓名",
    "员工姓名",
    "客户姓名",
    "职工姓名",
    "学生姓名",
    "患者姓名",
    "当事人姓名",
    "经办人姓名",
    "联系人姓名",
    "收件人姓名",
    "联系人",
    "住址",
    "家庭住址",
    "家庭地址",
    "现住址",
    "户籍地址",
    "身份证住址",
    "居住地址",
    "手机",
    "手机号",
    "手机号码",
    "联系人电话",
    "家庭电话",
    "身份证",
    "身份证号",
    "身份证号码",
    "公民身份号码",
    "证件号码",
    "护照号",
    "护照号码",
    "出生日期",
    "出生年月",
    "民族",
    "婚姻状况",
    "紧急联系人",
    "full name",
    "first name",
    "last name",
    "surname",
    "family name",
    "given name",
    "maiden name",
    "date of birth",
    "birth date",
    "birthday",
    "home address",
    "mobile number",
    "cell phone",
    "vorname",
    "nachname",
    "familienname",
    "geburtsdatum",
    "privatanschrift",
];

/// Words that head columns about people, and about firms and things as well.
const OF_ANYTHING: &[&str] = &[
    "名字",
    "地址",
    "联系地址",
    "通讯地址",
    "通信地址",
    "收件地址",
    "收货地址",
    "邮寄地址",
    "电话",
    "联系电话",
    "电话号码",
    "联系方式",
    "邮箱",
    "电子邮箱",
    "电子邮件",
    "性别",
    "年龄",
    "籍贯",
    "收件人",
    "收货人",
    "name",
    "address",
    "postal address",
    "mailing address",
    "phone",
    "phone number",
    "telephone",
    "tel",
    "mobile",
    "e-mail",
    "email",
    "email address",
    "gender",
    "sex",
    "age",
    "adresse",
    "anschrift",
    "telefon",
    "telefonnummer",
    "geschlecht",
];

/// Rows at the beginning in which the head may stand, below titles.
const ROWS: usize = 10;
/// Cells of a spreadsheet among which two words are beside each other.
const BESIDE: usize = 12;
/// Bytes of the longest word, and some more.
const LONGEST: usize = 64;

/// How many columns of personal data a table has, by its text; none where it is no table.
pub fn count(kind: Kind, text: &str) -> usize {
    match kind {
        Kind::Table => in_rows(text),
        Kind::Spreadsheet => in_cells(text),
        _ => 0,
    }
}

/// Of a file with rows: those of the first that is a head.
fn in_rows(text: &str) -> usize {
    let rows = |delimiter| {
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        reader.records().take(ROWS).map_while(Result::ok).collect::<Vec<StringRecord>>()
    };
    let width = |rows: &Vec<StringRecord>| rows.iter().map(StringRecord::len).max();
    let rows = b",\t;".iter().map(|delimiter| rows(*delimiter)).max_by_key(width).unwrap_or_default();
    let head = |row: &StringRecord| {
        let words: BTreeSet<String> = row.iter().filter_map(word).collect();
        let people = words.iter().filter(|word| OF_PEOPLE.contains(&word.as_str())).count();
        let anything = words.iter().filter(|word| OF_ANYTHING.contains(&word.as_str())).count();
        if people > 0 || anything > 1 { people + anything } else { 0 }
    };
    rows.iter().map(head).find(|columns| *columns > 0).unwrap_or(0)
}

/// Of a spreadsheet, whose cells are lines: each word once, as its rows are not known.
fn in_cells(text: &str) -> usize {
    let cells = text.lines().filter(|cell| !cell.trim().is_empty());
    let words: Vec<(usize, String)> = cells.enumerate().filter_map(|(at, cell)| Some((at, word(cell)?))).collect();
    let people: BTreeSet<&str> =
        words.iter().map(|(_, word)| word.as_str()).filter(|word| OF_PEOPLE.contains(word)).collect();
    let anything: Vec<(usize, &str)> =
        words.iter().map(|(at, word)| (*at, word.as_str())).filter(|(_, word)| OF_ANYTHING.contains(word)).collect();
    let beside = |pair: &[(usize, &str)]| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 <= BESIDE;
    match people.is_empty() && !anything.windows(2).any(beside) {
        true => 0,
        false => people.len() + anything.iter().map(|(_, word)| *word).collect::<BTreeSet<_>>().len(),
    }
}

/// A cell as a word of the lists; `None` where it is longer than any.
fn word(cell: &str) -> Option<String> {
    let is_around = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '*' | '＊' | ':' | '：' | '"' | '\'');
    let word = cell.trim_matches(is_around);
    (!word.is_empty() && word.len() <= LONGEST).then(|| word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_people_count_and_others_only_beside_another() {
        for (table, columns) in [
            ("姓名,金额\n林,3\n", 1),
            ("2024年工资表,,\n制表：财务部,,\n序号,姓名,联系电话\n1,林,x\n", 2),
            ("\u{feff}\"Name\";\"Address\";\"Age\"\nLin;x;3\n", 3),
            ("First Name\tCity\nLin\tX\n", 1),
            ("公司名称,地址,金额\nx,y,3\n", 0),
            ("公司名称,地址,电话\nx,y,3\n", 2),
            ("name,price\nbolt,3\n", 0),
            ("name,value,name\n", 0),
            ("address,size\n0x00,4\n", 0),
            ("摘要,借方,贷方\n付姓名不详者,1,\n", 0),
            ("", 0),
        ] {
            assert_eq!(count(Kind::Table, table), columns, "{table}");
        }
        assert_eq!(count(Kind::Text, "姓名,住址\n"), 0, "no table");
    }

    #[test]
    fn cells_of_a_spreadsheet_count_by_their_words_once() {
        let far = format!("name\n{}phone\n", "x\n".repeat(20));
        for (cells, columns) in [
            ("姓名\n住址\n\n林\n姓名\n", 2),
            ("name\n\nphone\nLin\n", 2),
            ("name\nprice\nbolt\n", 0),
            ("员工姓名不得外传\n", 0),
            (&far, 0),
        ] {
            assert_eq!(count(Kind::Spreadsheet, cells), columns, "{cells}");
        }
    }
}
