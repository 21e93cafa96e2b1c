package psi

// latin is the upper half of character code table 00 (EN 300 468 figure A.1):
// ISO/IEC 6937 with the euro sign at 0xA4. U+FFFD stands where there is nothing,
// and for the diacritics of 0xC1 to 0xCF, which come before their letter.
const latin = "\u00A0¡¢£€¥\uFFFD§¤‘“«←↑→↓" +
	"°±²³×µ¶·÷’”»¼½¾¿" +
	"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD" +
	"—¹®©™♪¬¦\uFFFD\uFFFD\uFFFD\uFFFD⅛⅜⅝⅞" +
	"ΩÆĐªĦ\uFFFDĲĿŁØŒºÞŦŊŉ" +
	"ĸæđðħıĳŀłøœßþŧŋ\u00AD"

// diacritics lists, by the byte of a diacritic, the letters that it goes with, each
// followed by what they make. 0xC9 is an older code of 0xC8.
var diacritics = map[byte]string{
	0xC1: "AÀEÈIÌOÒUÙaàeèiìoòuù",
	0xC2: "AÁCĆEÉIÍLĹNŃOÓRŔSŚUÚYÝZŹaácćeéiílĺnńoórŕsśuúyýzź ´",
	0xC3: "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷ",
	0xC4: "AÃIĨNÑOÕUŨaãiĩnñoõuũ",
	0xC5: "AĀEĒIĪOŌUŪaāeēiīoōuū ¯",
	0xC6: "AĂGĞUŬaăgğuŭ ˘",
	0xC7: "CĊEĖGĠIİZŻcċeėgġzż ˙",
	0xC8: "AÄEËIÏOÖUÜYŸaäeëiïoöuüyÿ ¨",
	0xCA: "AÅUŮaåuů ˚",
	0xCB: "CÇGĢKĶLĻNŅRŖSŞTŢcçgģkķlļnņrŗsştţ ¸",
	0xCD: "OŐUŰoőuű ˝",
	0xCE: "AĄEĘIĮUŲaąeęiįuų ˛",
	0xCF: "CČDĎEĚLĽNŇRŘSŠTŤZŽcčdďeělľnňrřsštťzž ˇ",
}

// combining holds the Unicode combining marks of the diacritics 0xC1 to 0xCF, for
// letters that table 00 does not list; 0 where there is no diacritic.
var combining = [...]rune{
	0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0306, 0x0307, 0x0308,
	0x0308, 0x030A, 0x0327, 0, 0x030B, 0x0328, 0x030C,
}
