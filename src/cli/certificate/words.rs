//! Every text that certificates and inventories show, in both languages, side by side.

use crate::journal::certificate::{OutsideClock, Role};
use crate::language::Language;
use crate::retention::Class;

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// The texts of one language.
        pub(super) struct Words { $(pub(super) $name: &'static str,)* }
        const ENGLISH: Words = Words { $($name: $english,)* };
        const CHINESE: Words = Words { $($name: $chinese,)* };
        #[cfg(test)]
        const BOTH: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
    };
}

words! {
    title: "Certificate of destruction", "档案销毁证明";
    colon: ": ", "：";
    comma: ", ", "、";
    none: "none", "无";
    not_recorded: "—", "—";

    checked: "The signatures of the journal were checked when this was printed, with keys named by whoever printed it.",
        "打印本件时，已用打印人指定的验证公钥核验日志签名。";
    unchecked: "The signatures were NOT checked when this was printed. Anybody can write a file that looks like this: see “How to check it”.",
        "打印本件时未核验签名。任何人都可以写出外观相同的文件，请按“如何核验”一节核验。";

    summary: "What was done", "销毁概况";
    firm: "Firm (name of the journal's key)", "单位（日志密钥名称）";
    keyring: "Keyring", "密钥环";
    purge: "Purge", "销毁批次";
    generation: "Generation begun", "启用的新世代";
    executed: "Executed (UTC)", "执行时间（UTC）";
    date: "Date of destruction", "销毁日期";
    records: "Records destroyed", "销毁记录数";
    early: "of these before their last day", "其中提前销毁";
    reason: "Reason for early destruction", "提前销毁的理由";
    reason_commitment: "a text kept elsewhere; its salted hash is", "文本另行保存，其加盐哈希为";
    plan: "Plan (SHA-256)", "销毁方案（SHA-256）";
    unattended: "none: carried out unattended, as the retention of these records allows",
        "无：按这些记录的保管规则自动执行，无需复核";
    approved: "Plan signed by", "方案签署人";
    cool_off: "Cool-off (scheduled – first day)", "冷静期（安排日 – 可执行日）";
    clock: "How the date was known", "日期的依据";
    clock_mark: "the keyring's own high-water mark, less a margin (days)", "密钥环自身的时钟高水位，减去余量（天）";
    witness_clock: "a witness that signed the journal with its own clock", "见证人用其自己的时钟签署日志";
    authority_clock: "a time-stamping authority (RFC 3161)", "时间戳机构（RFC 3161）";
    approver_clock: "a second approver's signed statement of the date", "第二审批人签署的日期声明";
    typed_clock: "typed by the custodian alone; nobody else confirmed it", "仅由保管人键入，无他人确认";

    media: "Media and method", "载体与方法";
    media_description: "Media description", "载体说明";
    media_is: "the file catalogue of the keyring named above and the slot of its root of the generation before; the archives themselves were not touched",
        "上述密钥环的目录库文件，以及上一世代根密钥所在的槽；档案包文件本身未作改动";
    method: "Method", "方法";
    method_is: "cryptographic erase: the expiry halves of the records' keys were left out of the new generation, and the root of the generation before was overwritten",
        "密码学擦除：新世代中不再包含这些记录的到期半钥，上一世代的根密钥已被覆写";
    tool: "Tool and version", "工具及版本";
    verification: "Verification method", "验证方法";
    verification_is: "before the old root was overwritten, every key and touched page was opened again under the new one and compared with the set of records that live; the medium itself was not examined",
        "覆写旧根密钥之前，已在新根密钥下重新打开全部密钥和所涉页面，并与存续记录的集合比对；未检查存储介质本身";

    erase: "Statement of cryptographic erase", "密码学擦除说明";
    key_generation: "Key generation", "密钥生成";
    key_generation_is: "32 random bytes of the operating system for every half and every root, each independent of all others",
        "每个半钥和每个根密钥均为操作系统生成的 32 字节随机数，彼此独立";
    encryption: "Encryption", "加密";
    encryption_is: "each record is an age file (X25519, ChaCha20-Poly1305) of its own; its key needs an access half and an expiry half (HKDF-SHA256); the keys inside age files have 128 bits",
        "每条记录是一个独立的 age 文件（X25519、ChaCha20-Poly1305），其密钥须由访问半钥与到期半钥共同导出（HKDF-SHA256）；age 文件内部密钥为 128 位";
    wrapping: "Levels of key wrapping", "密钥封装层级";
    wrapping_is: "root → key table → page identity → expiry half; with the access half → record key → age file key",
        "根密钥 → 密钥表 → 页密钥 → 到期半钥；与访问半钥合成 → 记录密钥 → age 文件密钥";
    covered: "Areas covered", "覆盖范围";
    covered_is: "the listed records and their labels (names, dates, counts) in every copy of their archives, wherever it is; every older copy of the keyring's catalogue without the destroyed root",
        "所列记录及其标签（名称、日期、件数），涵盖其档案包的所有副本，无论存于何处；以及不含已销毁根密钥的密钥环目录库旧副本";
    not_covered: "Areas not covered", "未覆盖范围";
    not_covered_is: "whatever left the archive before: restored, printed or granted copies, the sources it was made from; what stays visible in an archive: sizes, counts, dates, classes, names of compartments and rules",
        "此前已离开档案包的内容：已恢复、已打印或已授权的副本，以及制作档案包所用的源文件；档案包中始终可见的内容：大小、数量、日期、密级、分区名和规则名";
    escrow: "Escrow and exports", "托管与导出";
    escrow_none: "the keyring knows of no emergency key sheet that covers these records", "密钥环未记录任何涉及这些记录的应急密钥单";
    escrow_is: "emergency key sheets cover some of these records. They are NOT destroyed and open them for ever",
        "下列应急密钥单涉及部分已销毁记录。密钥单未被销毁，仍可永久打开这些记录";
    sheet: "sheet written", "密钥单写于";
    granted: "Grants", "授权查阅";
    granted_is: "some of these records were granted to requesters. What was handed over is NOT destroyed, and a grant that was kept with its one-time identity still opens them",
        "部分记录曾授权申请人查阅。已交付的内容并未因此销毁；授权文件若与其一次性私钥一并留存，仍可打开这些记录";
    grant: "grant", "授权";
    copies: "Copies of keys", "密钥副本";
    copies_is: "none made by the tool; a copy of the root that somebody else made before the destruction still opens the catalogue of that time",
        "工具未制作任何副本；他人在销毁前自行复制的根密钥仍可打开当时的目录库";

    list: "Destruction list", "销毁清册";
    list_note: "Names are not recorded here, since they die with the records; an inventory with names exists only if one was made before the execution. Years are not recorded either. Items are record numbers; each counts as one volume. The column “Keep until” names the last day of the retention.",
        "名称随记录一并销毁，此处未记录；仅当执行前另行编制带名称的清册时，名称见该清册。起止年度未记录。每条记录计为一册（册数均为 1）。“应保管期限”列为保管的最后一日。";
    list_grouped: "The list is long, so record numbers are grouped; the file itself has every record in a row of its own.",
        "记录较多，此处按组合并列出记录号；证明文件本身逐条列明。";
    early_mark: "* destroyed before its last day, as a ceiling rule allows", "* 依最长保管期限规则提前销毁";
    no_rule: "no rule: a date was set", "无规则：直接设定日期";
    archive: "Archive", "档案包";
    compartment: "Compartment", "分区";
    rules: "Rules", "规则";
    column_number: "No.", "序号";
    column_name: "Name", "名称";
    column_archive: "Vol.", "卷号";
    column_record: "Item", "记录号";
    column_years: "Years", "起止年度";
    column_file: "File no.", "档案编号";
    column_until: "Keep until", "应保管期限";
    column_kept: "Kept for", "已保管期限";
    column_destroyed: "Destroyed", "销毁时间";
    group_count: "Records", "册数";
    group_records: "Record numbers", "记录号";
    year: " y", "年";
    year_and: " y ", "年";
    month: " m", "个月";
    day: " d", "天";

    limits: "What this does not prove", "本证明不能证明的事项";
    limit_statement: "It is a signed statement, not a proof of absence. An attestation can lie, and a lost key is not a destroyed one.",
        "本证明是经签名的陈述，并非“不存在”的证明；声明人可能说谎；密钥丢失也不等于密钥销毁。";
    limit_copies: "Copies of the records that were restored, printed or granted before stay readable.",
        "此前已恢复、已打印或已授权的记录副本仍可读。";
    limit_keys: "Keys that somebody copied before the destruction, by being able to read them, still open the records: from the keyring, its root, or an identity together with both.",
        "有权读取密钥的人若在销毁前复制了密钥（密钥环、根密钥，以及与之配合的身份私钥），仍可打开记录。";
    limit_custodians: "It speaks for one keyring. Where several custodians hold keys, the records are gone only when enough of them have destroyed theirs.",
        "本证明仅涉及一个密钥环。若有多位保管人持有密钥，须有足够多的保管人完成销毁，记录才不可再读。";
    limit_medium: "Swap, snapshots, backups and the remapping of flash memory may keep an overwritten root.",
        "交换区、快照、备份以及闪存的重映射可能留有已被覆写的根密钥。";
    limit_sealer: "Whoever made an archive could have kept the expiry halves.", "档案包的制作者可能自行保留了到期半钥。";
    limit_grants: "A granted key still works after the validity that was promised for it.", "已授出的密钥在所承诺的有效期之后仍可使用。";
    limit_ciphertext: "The ciphertext was not removed by this; nobody can open it, and it still takes up space.",
        "本次操作未删除密文；密文已无法打开，但仍占用空间。";
    limit_journal: "The journal protects against a changed past only those who hold an older checkpoint of it. Signatures of people are classical ones.",
        "只有持有较早检查点的人，才能借日志发现对过去的篡改。人员签名采用传统（非抗量子）算法。";
    limit_claims: "The journal's entry binds the purge, its time, the record table, the keys that approved and the archives that have key sheets. Everything else on this sheet, names and offices among it, is the word of whoever wrote it.",
        "日志条目只绑定销毁批次、时间、记录表、审批密钥以及存在密钥单的档案包；本件其他内容（包括姓名和职务）均为填写人的陈述。";
    limit_standard: "No conformity with any standard or regulation is claimed. The columns and fields follow customs of the field.",
        "本件不声称符合任何标准或法规；栏目和字段参照行业惯例。";

    check: "How to check it", "如何核验";
    check_how: "With the certificate's file and the journal's two verifier keys, on any machine, offline. Take the keys from somewhere else than from whoever gave you this: from a colleague, an earlier letter, an archive of the same firm.",
        "持有证明文件和日志的两个验证公钥，即可在任何机器上离线核验。公钥应取自他处（同事、以往函件或同一单位的档案包），不得取自提供本件的人。";
    check_log: "Journal", "日志";
    check_entry: "Entry", "条目";
    check_size: "Entries under the checkpoint", "检查点覆盖的条目数";
    check_root: "Root hash of the checkpoint", "检查点根哈希";
    check_inventory: "SHA-256 of the record table", "记录表 SHA-256";
    check_file: "SHA-256 of the certificate's file", "证明文件 SHA-256";

    signatures: "Signatures", "签署";
    signatures_note: "To be filled in by hand. The witnesses compare the list before the destruction and sign after it; the officers write their opinion.",
        "由相关人员手工填写。监销人在销毁前按清册清点核对，销毁后签名或盖章；负责人签署意见。";
    person_name: "Name", "姓名";
    person_title: "Title", "职务";
    person_place: "Place", "地点";
    person_contact: "Contact", "联系方式";
    person_date: "Date", "日期";
    person_opinion: "Opinion", "意见";
    person_before: "Checked before", "销毁前核对";
    person_after: "Signed after", "销毁后签章";
    person_signature: "Signature", "签名或盖章";

    role_custodian: "Custodian, who carried it out (sanitizer)", "保管人（执行人）";
    role_verifier: "Verifier", "验证人";
    role_witness: "Witness for the archives", "监销人（档案管理机构）";
    role_accounting_witness: "Witness for accounting", "监销人（会计管理机构）";
    role_systems_witness: "Witness for information systems", "监销人（信息系统管理机构）";
    role_head_of_firm: "Head of the firm, or liquidator", "单位负责人（或清算人）";
    role_head_of_archives: "Head of archives", "档案管理机构负责人";
    role_head_of_accounting: "Head of accounting", "会计管理机构负责人";
    role_archives_clerk: "Clerk of the archives", "档案管理机构经办人";
    role_accounting_clerk: "Clerk of accounting", "会计管理机构经办人";

    class_public: "public", "公开";
    class_sensitive: "sensitive", "敏感";
    class_confidential: "confidential", "机密";

    inventory_title: "Inventory with names, for a destruction", "销毁清册（含名称）";
    inventory_warning: "This list outlives the records: it names what can no longer be read. Keep it as closely as the records were kept, or destroy it with them.",
        "注意：本清册在记录销毁后仍然存在，载有已不可读记录的名称。请按原记录的密级保管，或随记录一并销毁。";
    inventory_made: "Made (UTC)", "编制时间（UTC）";
    column_files: "Files", "件数";
}

impl Words {
    pub(super) fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Custodian => self.role_custodian,
            Role::Verifier => self.role_verifier,
            Role::Witness => self.role_witness,
            Role::AccountingWitness => self.role_accounting_witness,
            Role::SystemsWitness => self.role_systems_witness,
            Role::HeadOfFirm => self.role_head_of_firm,
            Role::HeadOfArchives => self.role_head_of_archives,
            Role::HeadOfAccounting => self.role_head_of_accounting,
            Role::ArchivesClerk => self.role_archives_clerk,
            Role::AccountingClerk => self.role_accounting_clerk,
        }
    }

    pub(super) fn class(&self, class: Class) -> &'static str {
        match class {
            Class::Public => self.class_public,
            Class::Sensitive => self.class_sensitive,
            Class::Confidential => self.class_confidential,
        }
    }

    pub(super) fn outside_clock(&self, clock: OutsideClock) -> &'static str {
        match clock {
            OutsideClock::Witness => self.witness_clock,
            OutsideClock::TimestampAuthority => self.authority_clock,
            OutsideClock::Approver => self.approver_clock,
            OutsideClock::Typed => self.typed_clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_complete() {
        let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(BOTH.len() > 100);
        for (name, english, zh) in BOTH {
            assert!(!english.trim().is_empty() && !zh.is_empty(), "{name}");
            assert!(!chinese(english), "{name} has Chinese among the English");
            let symbols = ["colon", "comma", "not_recorded"];
            assert!(symbols.contains(name) || chinese(zh), "{name} is not translated");
        }
    }
}
