/// Any JSON value.
enum JSON: Codable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .number(Double(value)) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let b = try? value.decode(Bool.self) {
      self = .bool(b)
    } else if let n = try? value.decode(Double.self) {
      self = .number(n)
    } else if let s = try? value.decode(String.self) {
      self = .string(s)
    } else if let a = try? value.decode([JSON].self) {
      self = .array(a)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .bool(let b): try value.encode(b)
    case .number(let n) where n == n.rounded(): try value.encode(Int(n))
    case .number(let n): try value.encode(n)
    case .string(let s): try value.encode(s)
    case .array(let a): try value.encode(a)
    case .object(let o): try value.encode(o)
    }
  }
}
