package teletext

import "strings"

// Group is a group of character sets: bits 14 to 11 of the designation of EN 300 706
// table 32. Which set of the group it is say the bits C12 to C14 of a page header.
type Group uint8

// The groups.
const (
	GroupWest      Group = 0  // western and central Europe
	GroupEast      Group = 1  // with Polish
	GroupTurkey    Group = 2  // with Turkish
	GroupSouthEast Group = 3  // with Serbian, Croatian, Slovenian in Latin, and Rumanian
	GroupCyrillic  Group = 4  // Cyrillic, and the Baltic languages
	GroupGreece    Group = 6  // with Greek
	GroupArabic    Group = 8  // not known but for its English and French
	GroupHebrew    Group = 10 // not known
)

// option is a national option of the Latin set (EN 300 706 table 36).
type option uint8

const (
	english option = iota
	german
	swedish // and Finnish, Hungarian
	italian
	french
	spanish // and Portuguese
	czech   // and Slovak
	polish
	turkish
	serbian // Croatian, Slovenian
	rumanian
	estonian
	lettish // and Lithuanian
	cyrillic1
	cyrillic2
	cyrillic3
	greek
)

// options is the sets of each group by C12 to C14, C12 highest (EN 300 706 table 33).
// Where the standard has none it is English.
var options = [16][8]option{
	GroupWest:      {english, german, swedish, italian, french, spanish, czech, english},
	GroupEast:      {polish, german, swedish, italian, french, english, czech, english},
	GroupTurkey:    {english, german, swedish, italian, french, spanish, turkish, english},
	GroupSouthEast: {english, english, english, english, english, serbian, english, rumanian},
	GroupCyrillic:  {cyrillic1, german, estonian, lettish, cyrillic2, cyrillic3, czech, english},
	GroupGreece:    {english, english, english, english, english, english, turkish, greek},
	GroupArabic:    {english, english, english, english, french, english, english, english},
}

// nationalAt is where the Latin set differs by its national option.
const nationalAt = "\x23\x24\x40\x5B\x5C\x5D\x5E\x5F\x60\x7B\x7C\x7D\x7E"

// national is the characters at these places (EN 300 706 table 36). Polish 5B is a Z
// with a stroke there, which is how Ż is written on these screens.
var national = [...][13]rune{
	english:  {'£', '$', '@', '←', '½', '→', '↑', '#', '—', '¼', '‖', '¾', '÷'},
	german:   {'#', '$', '§', 'Ä', 'Ö', 'Ü', '^', '_', '°', 'ä', 'ö', 'ü', 'ß'},
	swedish:  {'#', '¤', 'É', 'Ä', 'Ö', 'Å', 'Ü', '_', 'é', 'ä', 'ö', 'å', 'ü'},
	italian:  {'£', '$', 'é', '°', 'ç', '→', '↑', '#', 'ù', 'à', 'ò', 'è', 'ì'},
	french:   {'é', 'ï', 'à', 'ë', 'ê', 'ù', 'î', '#', 'è', 'â', 'ô', 'û', 'ç'},
	spanish:  {'ç', '$', '¡', 'á', 'é', 'í', 'ó', 'ú', '¿', 'ü', 'ñ', 'è', 'à'},
	czech:    {'#', 'ů', 'č', 'ť', 'ž', 'ý', 'í', 'ř', 'é', 'á', 'ě', 'ú', 'š'},
	polish:   {'#', 'ń', 'ą', 'Ż', 'Ś', 'Ł', 'ć', 'ó', 'ę', 'ż', 'ś', 'ł', 'ź'},
	turkish:  {'₤', 'ğ', 'İ', 'Ş', 'Ö', 'Ç', 'Ü', 'Ğ', 'ı', 'ş', 'ö', 'ç', 'ü'},
	serbian:  {'#', 'Ë', 'Č', 'Ć', 'Ž', 'Đ', 'Š', 'ë', 'č', 'ć', 'ž', 'đ', 'š'},
	rumanian: {'#', '¤', 'Ţ', 'Â', 'Ş', 'Ă', 'Î', 'ı', 'ţ', 'â', 'ş', 'ă', 'î'},
	estonian: {'#', 'õ', 'Š', 'Ä', 'Ö', 'Ž', 'Ü', 'Õ', 'š', 'ä', 'ö', 'ž', 'ü'},
	lettish:  {'#', '$', 'Š', 'ė', 'ę', 'Ž', 'č', 'ū', 'š', 'ą', 'ų', 'ž', 'į'},
}

// The sets that are not Latin from 40 on (EN 300 706 tables 38 to 41).
var alphabets = [...][]rune{
	cyrillic1: []rune("ЧАБЦДЕФГХИЈКЛМНОПЌРСТУВЃЉЊЗЋЖЂШЏчабцдефгхијклмнопќрстувѓљњзћжђш■"),
	cyrillic2: []rune("ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЪЗШЭЩЧЫюабцдефгхийклмнопярстужвьъзшэщч■"),
	cyrillic3: []rune("ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬІЗШЄЩЧЇюабцдефгхийклмнопярстужвьізшєщч■"),
	greek:     []rune("ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ΄ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ■"),
}

// g0 returns the character of a code from 20 to 7F.
func (o option) g0(c byte) rune {
	if o < cyrillic1 {
		if i := strings.IndexByte(nationalAt, c); i >= 0 {
			return national[o][i]
		}
		if c == 0x7F {
			return '■'
		}
		return rune(c)
	}
	switch {
	case c >= 0x40:
		return alphabets[o][c-0x40]
	case c == 0x26 && o == cyrillic2:
		return 'ы'
	case c == 0x26 && o == cyrillic3:
		return 'ї'
	case c == 0x3C && o == greek:
		return '«'
	case c == 0x3E && o == greek:
		return '»'
	}
	return rune(c)
}

// The supplementary sets from 20 on (EN 300 706 tables 37 and 42): Latin, and what of
// the Cyrillic one differs from 50 on. Of the Greek one there is only what is Latin.
var (
	latinG2 = []rune(" ¡¢£$¥#§¤‘“«←↑→↓°±²³×µ¶·÷’”»¼½¾¿" +
		" `´ˆ˜¯˘˙¨.˚¸_˝˛ˇ—¹®©™♪₠‰α   ⅛⅜⅝⅞ΩÆĐªĦ ĲĿŁØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ■")
	cyrillicG2 = []rune("—¹®©™♪₠‰αŁłß⅛⅜⅝⅞DEFGIJKLNQRSUVWZdefgijklnqrsuvwz")
)

// g2 returns the character of a code from 20 to 7F of the supplementary set.
func (o option) g2(c byte) rune {
	if o >= cyrillic1 && o <= cyrillic3 && c >= 0x50 {
		return cyrillicG2[c-0x50]
	}
	return latinG2[c-0x20]
}

// accents is the combining marks of column 4 of the supplementary sets.
var accents = [16]rune{
	0, '\u0300', '\u0301', '\u0302', '\u0303', '\u0304', '\u0306', '\u0307',
	'\u0308', '\u0323', '\u030A', '\u0327', '\u0332', '\u030B', '\u0328', '\u030C',
}

// composed is letters followed by what they are with the accent.
var composed = [16][]rune{
	1:  []rune("AÀaàEÈeèIÌiìOÒoòUÙuùNǸnǹWẀwẁYỲyỳ"),
	2:  []rune("AÁaáCĆcćEÉeéGǴgǵIÍiíLĹlĺNŃnńOÓoóRŔrŕSŚsśUÚuúWẂwẃYÝyýZŹzź"),
	3:  []rune("AÂaâCĈcĉEÊeêGĜgĝHĤhĥIÎiîJĴjĵOÔoôSŜsŝUÛuûWŴwŵYŶyŷ"),
	4:  []rune("AÃaãEẼeẽIĨiĩNÑnñOÕoõUŨuũ"),
	5:  []rune("AĀaāEĒeēIĪiīOŌoōUŪuū"),
	6:  []rune("AĂaăEĔeĕGĞgğIĬiĭOŎoŏUŬuŭИЙийУЎуў"),
	7:  []rune("CĊcċEĖeėGĠgġIİZŻzż"),
	8:  []rune("AÄaäEËeëIÏiïOÖoöUÜuüYŸyÿЕЁеё"),
	9:  []rune("AẠaạEẸeẹIỊiịOỌoọUỤuụ"),
	10: []rune("AÅaåUŮuů"),
	11: []rune("CÇcçGĢKĶkķLĻlļNŅnņRŖrŗSŞsşTŢtţ"),
	13: []rune("OŐoőUŰuű"),
	14: []rune("AĄaąEĘeęIĮiįUŲuų"),
	15: []rune("CČcčDĎdďEĚeěLĽlľNŇnňRŘrřSŠsšTŤtťZŽzž"),
}

// accented returns a letter with a mark of column 4 of the supplementary sets.
func accented(letter rune, mark uint8) string {
	for i := 0; i+1 < len(composed[mark]); i += 2 {
		if composed[mark][i] == letter {
			return string(composed[mark][i+1])
		}
	}
	if accents[mark] == 0 {
		return string(letter)
	}
	return string(letter) + string(accents[mark])
}
