//! Everything that a survey says, in English and Chinese.

use super::facts::Read;
use super::finding::{Finding, Findings};
use super::kind::Kind;
use crate::language::Language;
use crate::retention::period::Period;
use crate::retention::rule::Rule;
use chrono::NaiveDate;

impl Language {
    /// One of two.
    pub fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// Why a folder has its form.
    pub fn folder_named(self, path: &str, title: &str) -> String {
        self.pick(format!("{path}: its name says {title}"), format!("{path}：按文件夹名，属于{title}"))
    }

    /// The same where the folder's own name says nothing.
    pub fn folder_of_files(self, path: &str, title: &str) -> String {
        self.pick(format!("{path}: most of its files are named like {title}"), format!("{path}：多数文件名像是{title}"))
    }

    /// A part of a template.
    pub fn template(self, name: &str, title: &str) -> String {
        self.pick(
            format!("{title}: name the folder {name}, or write your folder's name here"),
            format!("{title}：把文件夹命名为“{name}”，或在此写上您的文件夹名"),
        )
    }

    /// Nothing is known of it.
    pub fn folder_unknown(self, path: &str) -> String {
        self.pick(format!("{path}: its name says nothing about what is in it"), format!("{path}：文件夹名不能说明内容"))
    }

    /// Files by a word in their names.
    pub fn files_named(self, word: &str, title: &str, count: u64) -> String {
        self.pick(
            format!("files named “{word}” ({count}): {title}"),
            format!("文件名含“{word}”的 {count} 个文件：{title}"),
        )
    }

    /// Folders of one name in folders of years.
    pub fn kinds_of_years(self, name: &str, title: &str) -> String {
        self.pick(format!("“{name}” of every year: {title}"), format!("各年度的“{name}”：{title}"))
    }

    /// Counts of it cover more.
    pub fn all_of_years(self) -> &'static str {
        self.pick("what was found is counted for the folder above", "检出数量按上级文件夹合计")
    }

    /// A folder beside those of years.
    pub fn no_year(self, path: &str) -> String {
        self.pick(format!("{path}: no year in its name"), format!("{path}：名称中没有年份"))
    }

    /// One pattern for many folders.
    pub fn each_folder(self, path: &str) -> String {
        match (self, path) {
            (Self::English, "") => "every other folder is a record".into(),
            (Self::Chinese, "") => "其余每个文件夹为一条记录".into(),
            (Self::English, path) => format!("{path}: every other folder in it is a record"),
            (Self::Chinese, path) => format!("{path}：其中其余每个文件夹为一条记录"),
        }
    }

    /// What is left in a folder.
    pub fn rest_of(self, path: &str) -> String {
        self.pick(format!("{path}: what is left in it"), format!("{path}：其余内容"))
    }

    /// The last pattern.
    pub fn rest(self) -> &'static str {
        self.pick("everything that nothing above takes", "以上未包括的一切")
    }

    /// Name of the last record.
    pub fn rest_record(self) -> &'static str {
        self.pick("the-rest", "其余")
    }

    /// How long a rule asks for.
    pub fn rule(self, rule: &Rule) -> String {
        let citation = rule.citation.as_deref().unwrap_or_default();
        let period = rule.period.map(|period| period.to_string()).unwrap_or_default();
        match self {
            Self::English => format!("{} ({citation}): {period}. All of it: keepuntil rules {}", rule.title, rule.id),
            Self::Chinese => {
                let title = rule.title_zh.as_deref().unwrap_or(&rule.title);
                format!("{title}（{citation}）：{period}。全文：keepuntil rules {}", rule.id)
            }
        }
    }

    /// No rule fits: the longest period.
    pub fn longest(self, period: Period) -> String {
        self.pick(
            format!(
                "no rule is certain: {period} from the sealing, the longest of any rule, and then a person decides"
            ),
            format!("没有确定的规则：自封存之日起 {period}（各规则中最长的期限），届满由人决定"),
        )
    }

    /// The form has no rule and no remark.
    pub fn no_rule(self) -> &'static str {
        self.pick("what is it, and how long must it be kept?", "这是什么资料，应当保存多久？")
    }

    /// What the law says of personal data that no rule asks to keep.
    pub fn shortest(self, jurisdiction: &str) -> Option<&'static str> {
        match jurisdiction {
            "cn" => Some(self.pick(
                "personal data that no rule asks to keep may be kept only as long as its purpose needs (个人信息保护法 arts 19, 47): decide soon",
                "含个人信息而没有保存期限规定：只能保存实现目的所必要的最短时间（《个人信息保护法》第十九条、第四十七条），请尽快确定",
            )),
            "de" | "eu" | "uk" => Some(self.pick(
                "personal data that no rule asks to keep may be kept only as long as its purpose needs (GDPR art 5(1)(e)): decide soon",
                "含个人数据而没有保存期限规定：只能保存实现目的所必要的时间（GDPR 第 5 条第 1 款 e 项），请尽快确定",
            )),
            _ => None,
        }
    }

    /// A rule that waits for an event.
    pub fn event(self, event: &str) -> String {
        self.pick(
            format!("nothing is destroyed before the event {event} is recorded: keepuntil event --help"),
            format!("登记事件 {event} 之前不会销毁：keepuntil event --help"),
        )
    }

    /// A date that no name gives.
    pub fn undated(self, latest: NaiveDate) -> String {
        self.pick(
            format!("no year is known: counted from {latest}; is any record younger?"),
            format!("不知年份：自 {latest} 起算；有没有更晚的资料？"),
        )
    }

    /// A period that has run.
    pub fn passed(self, passed: NaiveDate, until: NaiveDate) -> String {
        self.pick(
            format!("its period ended on {passed}; kept until {until} so that somebody decides. Why seal it at all?"),
            format!("期限已于 {passed} 届满；暂留至 {until} 以便决定。是否还需封存？"),
        )
    }

    /// A rule that needs something.
    pub fn open_rule(self, rule: &Rule) -> String {
        let citation = rule.citation.as_deref().unwrap_or_default();
        match self {
            Self::English => format!(
                "perhaps {} ({citation}); if so, fill in what is open and take these lines instead:",
                rule.title
            ),
            Self::Chinese => {
                let title = rule.title_zh.as_deref().unwrap_or(&rule.title);
                format!("可能适用：{title}（{citation}）。如确定，填好空缺并改用以下各行：")
            }
        }
    }

    /// A period that contracts name.
    pub fn by_contract(self) -> &'static str {
        self.pick("or as the contracts say:", "或者按合同约定：")
    }

    /// What was found, with counts.
    pub fn found(self, findings: &Findings) -> Option<String> {
        let list: Vec<String> =
            findings.found().map(|(finding, count)| format!("{} {count}", self.finding(finding))).collect();
        let list = list.join(self.pick(", ", "，"));
        (!list.is_empty()).then(|| self.pick(format!("found: {list}"), format!("检出：{list}")))
    }

    /// Files that were not read.
    pub fn not_read(self, read: Read, count: u64) -> String {
        match self {
            Self::English => format!("files {}: {count}", self.read(read)),
            Self::Chinese => format!("{count} 个文件{}", self.read(read)),
        }
    }

    /// How a file was read.
    pub fn read(self, read: Read) -> &'static str {
        match read {
            Read::Whole => self.pick("read", "已读"),
            Read::Part => self.pick("read in part", "部分读取"),
            Read::TooLarge => self.pick("too large to be read", "过大，未读取"),
            Read::NotText => self.pick("without text that can be read", "没有可读文本"),
            Read::Damaged => self.pick("damaged, or of an unknown form", "已损坏或格式不明"),
            Read::Encrypted => self.pick("encrypted: who has the password?", "已加密：密码在谁手里？"),
            Read::Failed => self.pick("could not be opened", "无法打开"),
        }
    }

    /// What was found.
    pub fn finding(self, finding: Finding) -> &'static str {
        match finding {
            Finding::ResidentId => self.pick("resident ids", "身份证号"),
            Finding::Mobile => self.pick("mobile numbers", "手机号"),
            Finding::BankCard => self.pick("bank cards", "银行卡号"),
            Finding::Passport => self.pick("passports", "护照号"),
            Finding::Email => self.pick("e-mail addresses", "电子邮箱"),
            Finding::Iban => self.pick("IBANs", "国际银行账号"),
            Finding::CreditCode => self.pick("social credit codes", "统一社会信用代码"),
        }
    }

    /// A kind of file.
    pub fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Text => self.pick("text", "文本"),
            Kind::Table => self.pick("tables (csv)", "表格（csv）"),
            Kind::Markup => self.pick("xml, html, json", "xml、html、json"),
            Kind::Mail => self.pick("mail", "邮件"),
            Kind::Document => self.pick("documents", "文档"),
            Kind::Spreadsheet => self.pick("spreadsheets", "电子表格"),
            Kind::Slides => self.pick("slides", "演示文稿"),
            Kind::Pdf => "PDF",
            Kind::OldOffice => self.pick("old Office files", "旧版 Office"),
            Kind::Ofd => "OFD",
            Kind::Image => self.pick("pictures", "图片"),
            Kind::Media => self.pick("sound and film", "音视频"),
            Kind::Packed => self.pick("packed files", "压缩包"),
            Kind::Database => self.pick("databases", "数据库"),
            Kind::Program => self.pick("programs", "程序"),
            Kind::Encrypted => self.pick("encrypted files", "加密文件"),
            Kind::Empty => self.pick("empty files", "空文件"),
            Kind::Other => self.pick("others", "其他"),
        }
    }
}
