/// The items of a list that the server returns in pages.
///
/// The first page is fetched when the first item is requested, every other page when the
/// one before is used up. The sequence ends with the last page or an error; a new iteration
/// starts from the first page. If the cursors of the server lead in a circle, or through
/// more than 1000 empty pages in a row, the sequence ends with an error of the reason
/// ``APIError/Reason/invalidResponse``.
///
/// Every error is an ``APIError``; that of a cancelled task has the kind `canceled`.
public struct PagedSequence<Element: Sendable>: AsyncSequence, Sendable {
  /// One page, and the cursor of the next one: nil or empty on the last.
  public typealias Page = (items: [Element], next: String?)

  @usableFromInline let fetch: @Sendable (_ cursor: String?) async throws -> Page

  /// `fetch` returns the page at a cursor, the first page for nil.
  public init(fetch: @escaping @Sendable (_ cursor: String?) async throws -> Page) {
    self.fetch = fetch
  }

  /// Returns the first `max` items; pages beyond them are not fetched.
  @_alwaysEmitIntoClient
  public func collect(max: Int = 10_000) async throws(APIError) -> [Element] {
    var items: [Element] = []
    var iterator = makeAsyncIterator()
    while items.count < max, let item = try await iterator.next() { items.append(item) }
    return items
  }

  /// Returns the page at a cursor, the first one for nil, and the cursor of the next: nil on
  /// the last. It is for lists with a button for more.
  @_alwaysEmitIntoClient
  public func page(at cursor: String? = nil) async throws(APIError) -> Page {
    do {
      let page = try await fetch(cursor)
      return (page.items, page.next?.isEmpty == false ? page.next : nil)
    } catch { throw .of(error) }
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(fetch: fetch)
  }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let fetch: @Sendable (String?) async throws -> Page
    private var items: ArraySlice<Element> = []
    private var cursor: String?
    private var ended = false
    private var circle = Circle()

    fileprivate init(fetch: @escaping @Sendable (String?) async throws -> Page) {
      self.fetch = fetch
    }

    public mutating func next() async throws(APIError) -> Element? {
      var pages = 0
      while items.isEmpty {
        if ended { return nil }
        ended = true
        if Task.isCancelled { throw .canceled() }
        guard pages <= maxEmptyPages, !circle.isClosed(by: cursor) else { throw APIError.noEnd() }
        let page = try await page()
        items = page.items[...]
        pages += 1
        cursor = page.next
        ended = cursor?.isEmpty != false
      }
      return items.removeFirst()
    }

    private func page() async throws(APIError) -> Page {
      do { return try await fetch(cursor) } catch { throw .of(error) }
    }
  }
}

/// The most pages in a row that may be empty: a search for rare events has some.
private let maxEmptyPages = 1000

/// Finds a repetition in a sequence of cursors by Brent's algorithm: it keeps one cursor, and
/// notices a circle after at most three times its length and the way to it.
private struct Circle: Sendable {
  private var mark: String?
  private var steps = 0
  private var span = 1

  /// Adds the next cursor and reports whether it repeats the kept one.
  mutating func isClosed(by cursor: String?) -> Bool {
    guard let cursor else { return false }
    if cursor == mark { return true }
    steps += 1
    if steps == span {
      mark = cursor
      steps = 0
      span *= 2
    }
    return false
  }
}
