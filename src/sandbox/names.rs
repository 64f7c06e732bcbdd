//! Names of people from many places, with how they are written in an address.
//!
//! Chosen to be hard: diacritics, apostrophes (straight and curly), particles, double names,
//! letters without a decomposition, two dotless and dotted i's, right-to-left and CJK scripts.

/// A name, and its letters in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// As people write it.
    pub written: &'static str,
    /// As addresses have it: lower case ASCII, with apostrophes, hyphens and dots.
    pub address: &'static str,
}

const fn name(written: &'static str, address: &'static str) -> Name {
    Name { written, address }
}

/// People of one place.
#[derive(Clone, Copy, Debug)]
pub struct Culture {
    /// How common they are in the company, against the sum of all weights.
    pub weight: usize,
    /// The country.
    pub country: &'static str,
    /// The country's code, as `usageLocation` has it.
    pub code: &'static str,
    /// The preferred language.
    pub language: &'static str,
    /// Given names.
    pub given: &'static [Name],
    /// Family names.
    pub family: &'static [Name],
}

/// The cultures.
#[rustfmt::skip] // one name a line would be seven hundred lines
pub static CULTURES: &[Culture] = &[
    Culture {
        weight: 16, country: "United States", code: "US", language: "en-US",
        given: &[
            name("Ada", "ada"), name("Grace", "grace"), name("Alan", "alan"),
            name("Olivia", "olivia"), name("Liam", "liam"), name("Emma", "emma"),
            name("Noah", "noah"), name("Charlotte", "charlotte"), name("James", "james"),
            name("Amelia", "amelia"), name("Henry", "henry"), name("Mary-Jane", "mary-jane"),
            name("Lucas", "lucas"), name("Eleanor", "eleanor"), name("Jack", "jack"),
            name("Billie", "billie"), name("Joe", "joe"),
        ],
        family: &[
            name("Lovelace", "lovelace"), name("Hopper", "hopper"), name("Turing", "turing"),
            name("Smith-Jones", "smith-jones"), name("Carter", "carter"), name("Brooks", "brooks"),
            name("Bennett", "bennett"), name("Foster", "foster"), name("Hughes", "hughes"),
            name("Parker", "parker"), name("Reed", "reed"), name("Walker", "walker"),
            name("Wright", "wright"), name("Young", "young"), name("Morgan", "morgan"),
            name("Hayes", "hayes"),
        ],
    },
    Culture {
        weight: 14, country: "Germany", code: "DE", language: "de-DE",
        given: &[
            name("Jürgen", "jurgen"), name("Käthe", "kathe"), name("Günther", "gunther"),
            name("Anna-Lena", "anna-lena"), name("Björn", "bjorn"), name("Sören", "soren"),
            name("Lukas", "lukas"), name("Hannah", "hannah"), name("Maximilian", "maximilian"),
            name("Zoë", "zoe"), name("Jörg", "jorg"), name("Friederike", "friederike"),
            name("Ole", "ole"), name("Ulrike", "ulrike"),
        ],
        family: &[
            name("Müller", "muller"), name("Schäfer", "schafer"), name("Groß", "gross"),
            name("Weiß", "weiss"), name("von der Heide", "von.der.heide"), name("Köhler", "kohler"),
            name("Schröder", "schroder"), name("Böhm", "bohm"), name("Strauß", "strauss"),
            name("Krüger", "kruger"), name("Vogel", "vogel"), name("Lang", "lang"),
            name("Zu Guttenberg", "zu.guttenberg"),
            name("Meyer-Lüdenscheidt", "meyer-ludenscheidt"),
        ],
    },
    Culture {
        weight: 8, country: "Ireland", code: "IE", language: "en-IE",
        given: &[
            name("Seán", "sean"), name("Siobhán", "siobhan"), name("Niamh", "niamh"),
            name("Oisín", "oisin"), name("Ciarán", "ciaran"), name("Aoife", "aoife"),
            name("Pádraig", "padraig"), name("Róisín", "roisin"), name("Malcolm", "malcolm"),
            name("Fiona", "fiona"),
        ],
        family: &[
            name("O'Brien", "o'brien"), name("O'Connor", "o'connor"),
            name("Ní Dhomhnaill", "ni.dhomhnaill"), name("MacDonald", "macdonald"),
            name("O’Neill", "o'neill"), name("Mac an Bhaird", "mac.an.bhaird"),
            name("Fitzgerald", "fitzgerald"), name("McCarthy", "mccarthy"),
            name("D'Arcy", "d'arcy"), name("Byrne", "byrne"),
        ],
    },
    Culture {
        weight: 9, country: "France", code: "FR", language: "fr-FR",
        given: &[
            name("François", "francois"), name("Chloé", "chloe"),
            name("Jean-Pierre", "jean-pierre"), name("Zoé", "zoe"), name("Benoît", "benoit"),
            name("Hélène", "helene"), name("Anaïs", "anais"), name("Gaël", "gael"),
            name("Marie Claire", "marie.claire"), name("Théo", "theo"), name("Agnès", "agnes"),
            name("Loïc", "loic"),
        ],
        family: &[
            name("Lefèvre", "lefevre"), name("D'Aubigné", "d'aubigne"),
            name("de La Fontaine", "de.la.fontaine"), name("Müntz", "muntz"),
            name("Rousseau", "rousseau"), name("L'Hôpital", "l'hopital"),
            name("Gauthier", "gauthier"), name("Besançon", "besancon"), name("Île", "ile"),
            name("Hervé", "herve"), name("Petit", "petit"), name("Noël", "noel"),
        ],
    },
    Culture {
        weight: 9, country: "Spain", code: "ES", language: "es-ES",
        given: &[
            name("María José", "maria.jose"), name("José Luis", "jose.luis"),
            name("Íñigo", "inigo"), name("Begoña", "begona"), name("Núria", "nuria"),
            name("Jesús", "jesus"), name("Ángela", "angela"), name("Martín", "martin"),
            name("Lucía", "lucia"), name("Iñaki", "inaki"), name("Raúl", "raul"),
            name("Inés", "ines"),
        ],
        family: &[
            name("García Márquez", "garcia.marquez"), name("Núñez", "nunez"),
            name("de la Cruz", "de.la.cruz"), name("Peña Nieto", "pena.nieto"),
            name("Ibáñez", "ibanez"), name("López", "lopez"), name("Muñoz y Díaz", "munoz.y.diaz"),
            name("Rodríguez", "rodriguez"), name("Güell", "guell"), name("Cañas", "canas"),
            name("Sánchez", "sanchez"), name("Vázquez", "vazquez"),
        ],
    },
    Culture {
        weight: 6, country: "Brazil", code: "BR", language: "pt-BR",
        given: &[
            name("João", "joao"), name("Conceição", "conceicao"), name("Antônio", "antonio"),
            name("Luís", "luis"), name("Inês", "ines"), name("Estêvão", "estevao"),
            name("Márcia", "marcia"), name("Vinícius", "vinicius"),
        ],
        family: &[
            name("Gonçalves", "goncalves"), name("dos Santos", "dos.santos"),
            name("da Conceição", "da.conceicao"), name("Magalhães", "magalhaes"),
            name("Araújo", "araujo"), name("Simões", "simoes"), name("Brandão", "brandao"),
            name("Assunção", "assuncao"),
        ],
    },
    Culture {
        weight: 8, country: "Norway", code: "NO", language: "nb-NO",
        given: &[
            name("Åse", "ase"), name("Øystein", "oystein"), name("Jørgen", "jorgen"),
            name("Sølvi", "solvi"), name("Håkon", "hakon"), name("Ægir", "aegir"),
            name("Þórdís", "thordis"), name("Bjørn", "bjorn"), name("Märta", "marta"),
            name("Päivi", "paivi"),
        ],
        family: &[
            name("Ødegård", "odegard"), name("Sørensen", "sorensen"), name("Hansen", "hansen"),
            name("Åkesson", "akesson"), name("Guðmundsdóttir", "gudmundsdottir"),
            name("Bjørnsson", "bjornsson"), name("Virtanen", "virtanen"),
            name("Hämäläinen", "hamalainen"), name("Lindström", "lindstrom"), name("Næss", "naess"),
        ],
    },
    Culture {
        weight: 8, country: "Poland", code: "PL", language: "pl-PL",
        given: &[
            name("Łukasz", "lukasz"), name("Małgorzata", "malgorzata"),
            name("Stanisław", "stanislaw"), name("Zażółcia", "zazolcia"), name("Jiří", "jiri"),
            name("Šárka", "sarka"), name("Bożena", "bozena"), name("Ondřej", "ondrej"),
            name("Żaneta", "zaneta"), name("Wojciech", "wojciech"),
        ],
        family: &[
            name("Łęcki", "lecki"), name("Wiśniewska", "wisniewska"), name("Dvořák", "dvorak"),
            name("Brzęczyszczykiewicz", "brzeczyszczykiewicz"), name("Novotný", "novotny"),
            name("Kowalczyk", "kowalczyk"), name("Źródlański", "zrodlanski"), name("Říha", "riha"),
            name("Żak", "zak"), name("Śliwa", "sliwa"),
        ],
    },
    Culture {
        weight: 5, country: "Türkiye", code: "TR", language: "tr-TR",
        given: &[
            name("Işık", "isik"), name("İbrahim", "ibrahim"), name("Çağla", "cagla"),
            name("Gökçe", "gokce"), name("Şükrü", "sukru"), name("Özgür", "ozgur"),
            name("Ayşe", "ayse"), name("Uğur", "ugur"),
        ],
        family: &[
            name("Yılmaz", "yilmaz"), name("Çelik", "celik"), name("Öztürk", "ozturk"),
            name("Şahin", "sahin"), name("Güneş", "gunes"), name("Işıklar", "isiklar"),
            name("Doğan", "dogan"), name("Kılıç", "kilic"),
        ],
    },
    Culture {
        weight: 4, country: "Hungary", code: "HU", language: "hu-HU",
        given: &[
            name("Ștefan", "stefan"), name("Ioana", "ioana"), name("Árpád", "arpad"),
            name("Győző", "gyozo"), name("Zsófia", "zsofia"), name("Țepeș", "tepes"),
            name("Ödön", "odon"), name("Mihály", "mihaly"),
        ],
        family: &[
            name("Popescu", "popescu"), name("Kovács", "kovacs"), name("Szűcs", "szucs"),
            name("Bălan", "balan"), name("Nagy", "nagy"), name("Munteanu", "munteanu"),
            name("Őry", "ory"), name("Tóth", "toth"),
        ],
    },
    Culture {
        weight: 5, country: "Vietnam", code: "VN", language: "vi-VN",
        given: &[
            name("Thị Hương", "thi.huong"), name("Văn Đức", "van.duc"),
            name("Ngọc Ánh", "ngoc.anh"), name("Quốc Bảo", "quoc.bao"),
            name("Minh Châu", "minh.chau"), name("Đình Phúc", "dinh.phuc"),
        ],
        family: &[
            name("Nguyễn", "nguyen"), name("Trần", "tran"), name("Lê", "le"), name("Phạm", "pham"),
            name("Đặng", "dang"), name("Hoàng", "hoang"),
        ],
    },
    Culture {
        weight: 8, country: "India", code: "IN", language: "en-IN",
        given: &[
            name("Priya", "priya"), name("Arjun", "arjun"), name("Lakshmi", "lakshmi"),
            name("Rohan", "rohan"), name("Ananya", "ananya"), name("Vikram", "vikram"),
            name("Deepika", "deepika"), name("Sanjay", "sanjay"), name("Meera", "meera"),
            name("Kavya", "kavya"),
        ],
        family: &[
            name("Sharma", "sharma"), name("Iyer", "iyer"), name("Patel", "patel"),
            name("Subramanian", "subramanian"), name("Chatterjee", "chatterjee"),
            name("Reddy", "reddy"), name("Nair", "nair"), name("Kapoor", "kapoor"),
            name("Venkataraghavan", "venkataraghavan"), name("Singh", "singh"),
        ],
    },
    Culture {
        weight: 5, country: "United Arab Emirates", code: "AE", language: "ar-AE",
        given: &[
            name("محمد", "mohammed"), name("فاطمة", "fatima"), name("عبد الله", "abdullah"),
            name("ليلى", "layla"), name("يوسف", "yousef"), name("نور", "noor"),
        ],
        family: &[
            name("الهاشمي", "alhashimi"), name("بن سعيد", "bin.said"), name("حداد", "haddad"),
            name("المنصوري", "almansoori"), name("خليل", "khalil"), name("عيسى", "issa"),
        ],
    },
    Culture {
        weight: 4, country: "Israel", code: "IL", language: "he-IL",
        given: &[
            name("נועה", "noa"), name("יוסי", "yossi"), name("שירה", "shira"), name("אבי", "avi"),
            name("מיכל", "michal"),
        ],
        family: &[
            name("כהן", "cohen"), name("לוי", "levi"), name("בן-דוד", "ben-david"),
            name("מזרחי", "mizrahi"), name("פרידמן", "friedman"),
        ],
    },
    Culture {
        weight: 8, country: "China", code: "CN", language: "zh-CN",
        given: &[
            name("伟", "wei"), name("秀英", "xiuying"), name("娜", "na"), name("子涵", "zihan"),
            name("建国", "jianguo"), name("晓明", "xiaoming"), name("雨桐", "yutong"),
        ],
        family: &[
            name("王", "wang"), name("李", "li"), name("欧阳", "ouyang"), name("张", "zhang"),
            name("陈", "chen"), name("刘", "liu"), name("司马", "sima"),
        ],
    },
    Culture {
        weight: 6, country: "Japan", code: "JP", language: "ja-JP",
        given: &[
            name("太郎", "taro"), name("花子", "hanako"), name("さくら", "sakura"), name("健一", "kenichi"),
            name("ユキ", "yuki"), name("陽菜", "hina"),
        ],
        family: &[
            name("佐藤", "sato"), name("鈴木", "suzuki"), name("髙橋", "takahashi"), name("田中", "tanaka"),
            name("渡邊", "watanabe"), name("小野", "ono"),
        ],
    },
    Culture {
        weight: 4, country: "South Korea", code: "KR", language: "ko-KR",
        given: &[
            name("민준", "minjun"), name("서연", "seoyeon"), name("지우", "jiwoo"), name("하은", "haeun"),
            name("도윤", "doyun"),
        ],
        family: &[
            name("김", "kim"), name("이", "lee"), name("박", "park"), name("최", "choi"),
            name("남궁", "namgung"),
        ],
    },
    Culture {
        weight: 5, country: "Bulgaria", code: "BG", language: "bg-BG",
        given: &[
            name("Иван", "ivan"), name("Олена", "olena"), name("Дмитрий", "dmitriy"),
            name("Софія", "sofiia"), name("Ђорђе", "djordje"), name("Йордан", "yordan"),
        ],
        family: &[
            name("Иванов", "ivanov"), name("Шевченко", "shevchenko"),
            name("Щербакова", "shcherbakova"), name("Єфремов", "yefremov"),
            name("Петровић", "petrovic"), name("Ѓорѓиев", "gjorgjiev"),
        ],
    },
    Culture {
        weight: 4, country: "Greece", code: "GR", language: "el-GR",
        given: &[
            name("Ελένη", "eleni"), name("Γιώργος", "giorgos"), name("Σοφία", "sofia"),
            name("Αχιλλέας", "achilleas"), name("Δήμητρα", "dimitra"),
        ],
        family: &[
            name("Παπαδόπουλος", "papadopoulos"), name("Καραγιάννης", "karagiannis"),
            name("Ξενάκη", "xenaki"), name("Ιωάννου", "ioannou"), name("Ψαράς", "psaras"),
        ],
    },
    Culture {
        weight: 3, country: "Thailand", code: "TH", language: "th-TH",
        given: &[
            name("สมชาย", "somchai"), name("มาลี", "malee"), name("प्रिया", "priya"),
            name("अर्जुन", "arjun"),
        ],
        family: &[
            name("ใจดี", "jaidee"), name("ศรีสุข", "srisuk"), name("शर्मा", "sharma"),
            name("पटेल", "patel"),
        ],
    },
];

/// Departments.
pub static DEPARTMENTS: &[&str] = &[
    "Engineering",
    "Sales",
    "Marketing",
    "Finance",
    "Human Resources",
    "Legal & Compliance",
    "Customer Success",
    "Research",
    "Operations",
    "IT",
    "Procurement",
    "Facilities",
];

/// Job titles.
pub static TITLES: &[&str] = &[
    "Engineer",
    "Senior Engineer",
    "Manager",
    "Director",
    "Analyst",
    "Specialist",
    "Counsel",
    "Assistant",
    "Vice President",
    "Consultant",
    "Trainee",
];

/// Offices.
pub static OFFICES: &[&str] = &[
    "Zürich",
    "Montréal",
    "São Paulo",
    "Tōkyō",
    "Kraków",
    "Reykjavík",
    "Dublin",
    "Austin",
    "Bengaluru",
    "Haifa",
    "München",
    "Home",
];

/// Companies that guests come from, by their domains.
pub static PARTNERS: &[&str] = &[
    "fabrikam.com",
    "northwindtraders.com",
    "adatum.co.uk",
    "tailspin-toys.de",
    "woodgrove.example",
    "litware.fr",
];

/// What groups are about, besides departments.
pub static TOPICS: &[&str] = &[
    "Project Aurora",
    "Project Østersøen",
    "Works Council",
    "First Aiders",
    "Data Room",
    "Board",
    "Deal Team",
    "Café & Kitchen",
    "Auditors",
    "New Joiners",
    "Tender 2027",
    "Zürich Office",
    "Montréal Office",
    "O'Hare Hub",
    "Migration",
    "Quality",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        let allowed = |b: u8| b.is_ascii_lowercase() || b".-'".contains(&b);
        for name in CULTURES.iter().flat_map(|culture| culture.given.iter().chain(culture.family)) {
            assert!(!name.address.is_empty() && name.address.bytes().all(allowed), "{name:?}");
        }
    }
}
