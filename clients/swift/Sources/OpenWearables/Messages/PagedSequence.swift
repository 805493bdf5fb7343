/// The items of a list that the server answers in pages.
///
/// Nothing is fetched before the first item is asked for, and a page only when the one before is used
/// up. An error ends the sequence; a new iteration starts from the first page. It ends with the last
/// page, and also where the server answers the cursor that it was asked with.
public struct PagedSequence<Element: Sendable>: AsyncSequence, Sendable {
  /// One page, and the cursor of the next one: nil or empty on the last.
  public typealias Page = (items: [Element], next: String?)

  private let fetch: @Sendable (_ cursor: String?) async throws -> Page

  /// `fetch` answers the page at a cursor, the first one for nil.
  public init(fetch: @escaping @Sendable (_ cursor: String?) async throws -> Page) {
    self.fetch = fetch
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(fetch: fetch)
  }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let fetch: @Sendable (String?) async throws -> Page
    private var items: ArraySlice<Element> = []
    private var cursor: String?
    private var ended = false

    fileprivate init(fetch: @escaping @Sendable (String?) async throws -> Page) {
      self.fetch = fetch
    }

    public mutating func next() async throws -> Element? {
      while items.isEmpty {
        if ended { return nil }
        ended = true
        try Task.checkCancellation()
        let page = try await fetch(cursor)
        items = page.items[...]
        ended = page.next?.isEmpty != false || page.next == cursor
        cursor = page.next
      }
      return items.removeFirst()
    }
  }
}
