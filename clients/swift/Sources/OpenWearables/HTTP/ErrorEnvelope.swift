import Foundation

extension APIError {
  /// Reads the error of a response that is not 200. A malformed body costs only its
  /// details. What has no code of Connect did not come from the API, and no redirect does.
  init(_ response: HTTPResponse, from base: BaseURL) {
    let media = mediaType(response.headers)
    guard media == "application/json" || media.hasSuffix("+json"),
      !(300..<400).contains(response.status)
    else {
      self = .foreign(response, from: base)
      return
    }
    let body = (try? JSONSerialization.jsonObject(with: response.body)) as? [String: Any] ?? [:]
    let message = body["message"] as? String
    if media == "application/json", let code = (body["code"] as? String).flatMap(Code.init) {
      self.init(code.kind, code, nil, masked(printable(message ?? "HTTP \(response.status)")))
      isConnectError = true
      read(response.headers)
    } else {
      self = .foreign(response, from: base, saying: body)
    }
    rawMessage = message.map { String($0.unicodeScalars.prefix(1 << 10)) }
    readDetails(body)
  }

  private mutating func readDetails(_ body: [String: Any]) {
    for case let detail as [String: Any] in (body["details"] as? [Any] ?? []).prefix(maxParts) {
      guard let type = detail["type"] as? String, let text = detail["value"] as? String,
        let value = Data(unpadded: text)
      else { continue }
      details.append(Detail(type: type, value: value))
      if type == "openwearables.v1.ErrorDetail" { read(ErrorDetailReader(value)) }
    }
  }

  /// Returns the error of a 200 that is not JSON.
  static func notJSON(_ response: HTTPResponse, _ media: String, from base: BaseURL) -> APIError {
    guard media.hasPrefix("application/") else { return .foreign(response, from: base) }
    var error = APIError.unreadable("it is of the type \(printable(media)), not application/json")
    error.read(response.headers)
    return error
  }

  /// Returns the error of a response that did not come from the API, with what its JSON says.
  /// It says nothing about the credential unless it is a 401.
  private static func foreign(
    _ response: HTTPResponse, from base: BaseURL, saying body: [String: Any] = [:]
  ) -> APIError {
    func word(_ name: String) -> String? {
      guard let text = body[name] as? String, !text.isEmpty else { return nil }
      return masked(printable(text))  // some gateways send back what they were sent
    }
    let code = Code(status: response.status)
    let kind: Kind =
      switch response.status {
      case 429: .rateLimited
      case 401: .unauthenticated
      default: .unavailable
      }
    let cause =
      redirect(response) ?? word("detail") ?? word("message")
      ?? "HTTP \(response.status) that did not come from the API: "
      + "is a proxy or a captive portal in between, or the base URL wrong?"
    var error = APIError(kind, code, .foreignAnswer, cause + base.advice(response.status))
    error.foreignStatus = response.status
    error.read(response.headers)
    if let reason = word("reason") { error.reason = Reason(rawValue: reason) }
    if let id = word("request_id") { error.requestID = id }
    return error
  }

  /// Explains a redirect; nil for any other response. The query of its target, which may
  /// hold a secret, is left out.
  private static func redirect(_ response: HTTPResponse) -> String? {
    guard (300..<400).contains(response.status), let location = response.headers["location"]
    else { return nil }
    let target = location.prefix { $0 != "?" && $0 != "#" }
    return printable(
      "the base URL redirects (HTTP \(response.status)), which is not followed: "
        + "is a captive portal in between? If not, give the URL that it redirects to: \(target)")
  }

  private mutating func read(_ headers: [String: String]) {
    self.headers = headers
    requestID = OpenWearables.requestID(headers)
    retryAfter = retryDelay(headers, now: Date().timeIntervalSince1970)
    asksToWait = retryAfter ?? 0 > 0
  }

  private mutating func read(_ detail: ErrorDetailReader) {
    if !detail.reason.isEmpty { reason = Reason(rawValue: detail.reason) }
    if !detail.requestID.isEmpty { requestID = detail.requestID }
    if !detail.requiredScope.isEmpty { requiredScope = detail.requiredScope }
    fields += detail.errors
  }
}

extension APIError.Code {
  /// The code of an HTTP status without a Connect body.
  init(status: Int) {
    switch status {
    case 400: self = .internal
    case 401: self = .unauthenticated
    case 403: self = .permissionDenied
    case 404: self = .unimplemented
    case 429, 502, 503, 504: self = .unavailable
    default: self = .unknown
    }
  }
}

/// Returns how long the response asks to wait: Retry-After in seconds or as a date, else
/// X-RateLimit-Reset if no calls remain.
func retryDelay(_ headers: [String: String], now: TimeInterval) -> TimeInterval? {
  if let value = headers["retry-after"] {
    if let seconds = Int64(value) { return min(max(TimeInterval(seconds), 0), Wait.longest) }
    if !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return Wait.longest
    }
    if let date = httpDate(value) { return min(max(date - now, 0), Wait.longest) }
  }
  if headers["x-ratelimit-remaining"] == "0", let reset = headers["x-ratelimit-reset"],
    let at = Int64(reset)
  {
    return min(max(TimeInterval(at) - now, 0), Wait.longest)
  }
  return nil
}

extension Data {
  /// Reads standard or URL-safe base64, padded or not.
  init?(unpadded text: String) {
    var padded = text.replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    while padded.utf8.count % 4 != 0 { padded += "=" }
    self.init(base64Encoded: padded)
  }
}

/// The most details, and the most refused fields in a detail, that an error keeps.
private let maxParts = 1000

/// Reads the binary form of `openwearables.v1.ErrorDetail`, the only form that every server
/// and proxy sends. Reading ends at a malformed field; the fields before it are kept.
struct ErrorDetailReader {
  private(set) var reason = ""
  private(set) var requestID = ""
  private(set) var errors: [APIError.FieldViolation] = []
  private(set) var requiredScope = ""

  init(_ data: Data) {
    for (number, value) in fields(data) {
      switch number {
      case 1: reason = text(value)
      case 2: requestID = text(value)
      case 3 where errors.count < maxParts:
        var (field, message) = ("", "")
        for (number, value) in fields(value) {
          if number == 1 { field = text(value) }
          if number == 2 { message = text(value) }
        }
        errors.append(.init(field: field, message: message))
      case 4: requiredScope = text(value)
      default: break
      }
    }
  }
}

@inline(never)
private func text(_ data: Data) -> String { printable(String(decoding: data, as: UTF8.self)) }

/// Returns the length-delimited fields of a protobuf message with their numbers.
@inline(never)
private func fields(_ data: Data) -> [(Int, Data)] {
  var found: [(Int, Data)] = []
  var rest = data[...]
  func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
  while let tag = varint() {
    switch tag & 7 {
    case 0: if varint() == nil { return found }
    case 1: rest = rest.dropFirst(8)
    case 2:
      guard let length = varint(), length <= rest.count else { return found }
      found.append((Int(truncatingIfNeeded: tag >> 3), Data(rest.prefix(Int(length)))))
      rest = rest.dropFirst(Int(length))
    case 5: rest = rest.dropFirst(4)
    default: return found
    }
  }
  return found
}
