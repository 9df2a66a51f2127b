/// Texts every JSON parser must take or refuse, in the manner of the well-known collections.
enum JSONSamples {
  static let valid: [String] = [
    // Structures
    "{}", "[]", "[[]]", "[{}]", "{\"a\":{}}", "{\"a\":[]}", "[1,2,3]", "{\"a\":1,\"b\":2}", "[[],[[]]]",
    "{\"a\":1,\"a\":2}", "{\"\":0}", "{\"a\":\"b\",\"a\":\"b\"}", "[null,1,\"1\",{}]", "[false]", "[true]", "[null]",
    "{\"min\":-1.0e+28,\"max\":1.0e+28}", "{\"asd\":\"sdf\",\"dfg\":\"fgh\"}", "{\"title\":\"\\u041f\\u043e\"}",
    "[\"a\"]", "[1,null,null,null,2]", "{\"a\\u0000b\":42}", "{\"id\":\"xxxxxxxx\",\"x\":[{\"id\":\"y\"}]}",
    // Whitespace between tokens
    " []", "[] ", "[ ]", "{ }", "\n[]\n", "\t[\t]\t", "\r[\r]\r", "[1 , 2]", "{ \"a\" : 1 }", "{\n\"a\":\n1\n}", " 1 ",
    "\n\"x\"\n", " [1 ]", "{\"a\"\t:\r1\n, \"b\":2}", "[4 ]", " true ",
    // Scalars alone
    "null", "true", "false", "0", "-0", "42", "\"\"", "\"a\"", "-0.1", "1e9",
    // Numbers
    "[0]", "[-0]", "[-1]", "[123]", "[123.456789]", "[1e2]", "[1E2]", "[1e+2]", "[1E+2]", "[1e-2]", "[1E-2]", "[0e1]",
    "[0e+1]", "[-0.0]", "[1.5e10]", "[123e65]", "[123.456e78]", "[0.4e006]", "[-123123123123123123123123123]",
    "[0.000000000000000000000000000000000001]", "[20e1]", "[1.5e9999]", "[100000000000000000000]", "[-0e-0]",
    // Strings
    "[\"\\\"\"]", "[\"\\\\\"]", "[\"\\/\"]", "[\"\\b\\f\\n\\r\\t\"]", "[\"\\u0041\"]", "[\"\\uABCD\\uabcd\"]",
    "[\"\\u0000\"]", "[\"\\uD801\\uDC37\"]", "[\"\\uD83D\\uDE39\\uD83D\\uDC8D\"]", "[\"\\u005C\\u0022\"]", "[\"/\"]",
    "[\"\\\\a\"]", "[\"\\\\u0061\"]", "[\"\u{7f}\"]", "[\"é\"]", "[\"€\"]", "[\"𝄞\"]", "[\"\u{2028}\u{2029}\"]",
    "[\"\u{feff}\"]", "[\"\u{10ffff}\"]", "[\"\u{fffe}\"]", "[\"a/*b*/c/*d//e\"]", "[\"asd \"]", "[\" \"]",
    "\"eight by\"", "\"sixteen bytes ok\"", "\"sevente\\n ends\"", "\"\u{1F600}\u{1F600}\u{1F600}\"",
    "[\"new\\u000Aline\"]", "[\"\\uDBFF\\uDFFF\"]", "\"1234567\\\"\"", "\"12345678\\\\\"", "[\"\\uD800\"]",
    "[\"\\uDC00\\uD800\"]", "[\"\\uD834x\"]",
  ]

  static let invalid: [(text: String, error: String)] = [
    ("", "empty"), (" ", "empty"), ("\n\t\r ", "empty"),
    // Ends too early
    ("[", "truncated"), ("{", "truncated"), ("[1", "truncated"), ("[1,", "truncated"), ("{\"a\"", "truncated"),
    ("{\"a\":", "truncated"), ("{\"a\":1", "truncated"), ("{\"a\":1,", "truncated"), ("\"", "truncated"),
    ("\"a", "truncated"), ("\"\\", "truncated"), ("\"\\u", "truncated"), ("\"\\u00", "truncated"),
    ("\"\\u0041", "truncated"), ("t", "truncated"), ("tru", "truncated"), ("fals", "truncated"), ("nul", "truncated"),
    ("-", "truncated"), ("1.", "truncated"), ("1e", "truncated"), ("1e+", "truncated"), ("[[", "truncated"),
    ("[\"a\",", "truncated"), ("[{\"\":[{\"\":", "truncated"),
    // Something follows
    ("1 2", "trailingBytes"), ("[]]", "trailingBytes"), ("{}}", "trailingBytes"), ("[][]", "trailingBytes"),
    ("\"a\"b", "trailingBytes"), ("null,", "trailingBytes"), ("{}#", "trailingBytes"), ("truetrue", "trailingBytes"),
    ("[1]x", "trailingBytes"), ("\"\"\"\"", "trailingBytes"), ("1,", "trailingBytes"), ("{} //", "trailingBytes"),
    ("[]\u{0}", "trailingBytes"), ("nulll", "trailingBytes"), ("2@", "trailingBytes"),
    // What the grammar does not have
    ("[1 true]", "unexpectedByte"), ("[,]", "unexpectedByte"), ("[,1]", "unexpectedByte"), ("[1,]", "unexpectedByte"),
    ("[1,,2]", "unexpectedByte"), ("[\"a\" \"b\"]", "unexpectedByte"), ("[1:2]", "unexpectedByte"),
    ("[a]", "unexpectedByte"), ("['a']", "unexpectedByte"), ("{,}", "unexpectedByte"), ("{1:1}", "unexpectedByte"),
    ("{a:1}", "unexpectedByte"), ("{'a':1}", "unexpectedByte"), ("{\"a\",1}", "unexpectedByte"),
    ("{\"a\" 1}", "unexpectedByte"), ("{\"a\":1,}", "unexpectedByte"), ("{\"a\":1,,}", "unexpectedByte"),
    ("{\"a\":1 \"b\":2}", "unexpectedByte"), ("{\"a\":}", "unexpectedByte"), ("{\"a\"::1}", "unexpectedByte"),
    ("{null:1}", "unexpectedByte"), ("[}", "unexpectedByte"), ("{]", "unexpectedByte"), ("[1}", "unexpectedByte"),
    ("{\"a\":1]", "unexpectedByte"), ("]", "unexpectedByte"), ("}", "unexpectedByte"), (",", "unexpectedByte"),
    (":", "unexpectedByte"), ("True", "unexpectedByte"), ("TRUE", "unexpectedByte"), ("nUll", "unexpectedByte"),
    ("trua", "unexpectedByte"), ("NaN", "unexpectedByte"), ("Infinity", "unexpectedByte"), ("+1", "unexpectedByte"),
    (".5", "unexpectedByte"), ("/**/1", "unexpectedByte"), ("#1", "unexpectedByte"), ("\u{feff}1", "unexpectedByte"),
    ("\u{b}1", "unexpectedByte"), ("\u{c}[]", "unexpectedByte"), ("\u{a0}1", "unexpectedByte"),
    ("'a'", "unexpectedByte"),
    ("\u{0}", "unexpectedByte"), ("[\u{c}]", "unexpectedByte"), ("<null>", "unexpectedByte"), ("*", "unexpectedByte"),
    ("[1\u{a0}]", "unexpectedByte"), ("{\"a\":b}", "unexpectedByte"), ("é", "unexpectedByte"),
    ("abc", "unexpectedByte"),
    ("{[1]:1}", "unexpectedByte"), ("[\"a\",}", "unexpectedByte"), ("\\n", "unexpectedByte"),
    // Numbers
    ("01", "invalidNumber"), ("-01", "invalidNumber"), ("00", "invalidNumber"), ("1.e1", "invalidNumber"),
    ("1.2.3", "invalidNumber"), ("1ee2", "invalidNumber"), ("1e2.5", "invalidNumber"), ("1e+-2", "invalidNumber"),
    ("1x", "invalidNumber"), ("0x1F", "invalidNumber"), ("1+2", "invalidNumber"), ("-a", "invalidNumber"),
    ("--1", "invalidNumber"), ("-.5", "invalidNumber"), ("1.a", "invalidNumber"), ("0e+x", "invalidNumber"),
    ("-Infinity", "invalidNumber"), ("-NaN", "invalidNumber"), ("1-", "invalidNumber"), ("[2.e3]", "invalidNumber"),
    ("[0.e1]", "invalidNumber"), ("[1.0e-]", "invalidNumber"), ("[-]", "invalidNumber"), ("[1e]", "invalidNumber"),
    ("[9.e+]", "invalidNumber"), ("-foo", "invalidNumber"), ("[1.]", "invalidNumber"), ("1_000", "trailingBytes"),
    // Strings
    ("\"\\x\"", "invalidEscape"), ("\"\\'\"", "invalidEscape"), ("\"\\0\"", "invalidEscape"),
    ("\"\\a\"", "invalidEscape"), ("\"\\u00g0\"", "invalidEscape"), ("\"\\u12\"", "invalidEscape"),
    ("\"\\U0041\"", "invalidEscape"), ("\"\\ \"", "invalidEscape"), ("\"\\\u{9}\"", "invalidEscape"),
    ("\"\\é\"", "invalidEscape"), ("\"\\uD800\\u\"", "invalidEscape"), ("\"\\uD800\\u1x\"", "invalidEscape"),
    ("\"\\u{41}\"", "invalidEscape"), ("\"\n\"", "controlCharacter"), ("\"\t\"", "controlCharacter"),
    ("\"\r\"", "controlCharacter"), ("\"\u{0}\"", "controlCharacter"), ("\"\u{1f}\"", "controlCharacter"),
    ("\"abcdefgh\u{1}\"", "controlCharacter"), ("{\"a\nb\":1}", "controlCharacter"),
    ("\"\\\\\u{8}\"", "controlCharacter"),
  ]

  /// Byte sequences that are not UTF-8 (RFC 3629 section 4), to be put into a string.
  static let notUTF8: [[UInt8]] = [
    [0x80], [0xbf], [0xff], [0xfe], [0xc0, 0xaf], [0xc1, 0xbf], [0xc3], [0xc3, 0x28], [0xe0, 0x80, 0xaf],
    [0xe0, 0x9f, 0xbf], [0xe2, 0x82], [0xe2, 0x28, 0xa1], [0xe2, 0x82, 0x28], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf],
    [0xed, 0xa0, 0x81, 0xed, 0xb0, 0x80], [0xf0, 0x80, 0x80, 0xaf], [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x9f, 0x98],
    [0xf0, 0x28, 0x8c, 0xbc], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], [0xe9],
  ]
}
