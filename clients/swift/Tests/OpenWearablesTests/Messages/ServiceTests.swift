import Foundation
import OpenWearables
import XCTest

final class ServiceTests: XCTestCase {
  func testMethodsKeepNameAndIdempotencyOfTheSchema() {
    XCTAssertEqual(
      LibraryServiceClient.Method.getBook,
      MethodDescriptor(
        procedure: "swiftgen.test.LibraryService/GetBook", idempotency: .noSideEffects))
    XCTAssertEqual(
      LibraryServiceClient.Method.`return`,
      MethodDescriptor(
        procedure: "swiftgen.test.LibraryService/Return", idempotency: .idempotent, proof: .body))
    XCTAssertEqual(
      LibraryServiceClient.Method.lend,
      MethodDescriptor(procedure: "swiftgen.test.LibraryService/Lend", idempotencyKey: .perCall))
    XCTAssertEqual(LibraryServiceClient.Method.booksByTitle.idempotency, .unknown)
    XCTAssertEqual(
      UserServiceClient.Method.listUsers.procedure, "openwearables.v1.UserService/ListUsers")
  }

  func testCallReachesTheTransportWithItsOptions() async throws {
    let library = LibraryServiceClient(transport: Shelf(pages: []))
    let answer = try await library.getBook(GetBookRequest(id: "7"))
    XCTAssertEqual(answer.id, "7")
    XCTAssertEqual(answer.headers["x-method"], "swiftgen.test.LibraryService/GetBook")
    let timed = try await library.getBook(
      GetBookRequest(id: "8"), options: CallOptions(headers: ["a": "b"], timeout: 3))
    XCTAssertEqual(timed.headers["a"], "b")
  }

  func testPagesAreFetchedAsTheyAreNeeded() async throws {
    let shelf = Shelf(pages: [["a", "b"], [], ["c"]])
    let library = LibraryServiceClient(transport: shelf)
    let all = library.listAllBooks(ListBooksRequest(limit: 2))
    XCTAssertEqual(shelf.log, [])
    var seen: [String] = []
    for try await book in all {
      seen.append(book.id)
      if book.id == "b" { XCTAssertEqual(shelf.log, ["first 2"]) }
    }
    XCTAssertEqual(seen, ["a", "b", "c"])
    XCTAssertEqual(shelf.log, ["first 2", "1 2", "2 2"])

    for try await _ in all { break }
    XCTAssertEqual(shelf.log.count, 4, "a new iteration starts from the first page")

    let titles = try await library.booksByTitleAll(BooksByTitleRequest(title: "x"))
      .reduce(into: []) { $0.append($1) }
    XCTAssertEqual(titles, ["a", "b", "c"])
  }

  func testPagesAreCollectedAndTakenOneByOne() async throws {
    let shelf = Shelf(pages: [["a", "b"], [], ["c"]])
    let list = LibraryServiceClient(transport: shelf).listAllBooks()
    let two = try await list.collect(max: 2)
    XCTAssertEqual(two.map(\.id), ["a", "b"])
    XCTAssertEqual(shelf.log.count, 1)
    let all = try await list.collect()
    XCTAssertEqual(all.map(\.id), ["a", "b", "c"])
    let first = try await list.page()
    XCTAssertEqual(first.items.map(\.id), ["a", "b"])
    let last = try await list.page(at: "2")
    XCTAssertEqual(last.items.map(\.id), ["c"])
    XCTAssertNil(last.next)
    XCTAssertEqual(first.next, "1")
    do {
      _ = try await LibraryServiceClient(transport: Shelf(pages: [["a"]], failing: 0))
        .listAllBooks().collect()
      XCTFail("no error")
    } catch { XCTAssert(error.underlyingError is Shelf.PageError) }
  }

  func testAnErrorEndsThePages() async {
    let shelf = Shelf(pages: [["a"], ["b"]], failing: 1)
    var iterator = LibraryServiceClient(transport: shelf).listAllBooks().makeAsyncIterator()
    let first = try? await iterator.next()
    XCTAssertEqual(first?.id, "a")
    do {
      _ = try await iterator.next()
      XCTFail("no error")
    } catch {
      XCTAssert(error.underlyingError is Shelf.PageError)
    }
    let after = try? await iterator.next()
    XCTAssertNil(after)
  }

  /// Cursors that lead in a circle end the pages with an error, after few requests.
  func testACircleOfCursorsEndsThePagesWithAnError() async throws {
    let circles = [["same", "same"], ["a", "b", "a"], ["1", "2", "3", "4", "5", "3"]]
    for cursors in circles {
      let next = Dictionary(
        zip([""] + cursors, cursors), uniquingKeysWith: { first, _ in first })
      for items in [[7], []] {
        let requests = try await requestsUntilError { (items, next[$0 ?? ""]) }
        XCTAssertLessThanOrEqual(requests, 3 * cursors.count, "\(cursors)")
      }
    }
  }

  /// Empty pages without end are an error too, since no loop of the caller sees them.
  func testEmptyPagesWithoutEndAreAnError() async throws {
    let requests = try await requestsUntilError { ([], ($0 ?? "") + "x") }
    XCTAssertEqual(requests, 1001)
  }

  /// Reads a sequence to its error, and returns how many pages were fetched.
  private func requestsUntilError(
    _ page: @escaping @Sendable (String?) -> PagedSequence<Int>.Page
  ) async throws -> Int {
    let count = Counter()
    let pages = PagedSequence<Int> { cursor in
      guard count.next() < 2000 else { throw Shelf.PageError() }
      return page(cursor)
    }
    var iterator = pages.makeAsyncIterator()
    do {
      while try await iterator.next() != nil {}
      XCTFail("they ended without an error")
    } catch {
      XCTAssertEqual(error.reason, .invalidResponse, "\(error)")
    }
    let after = try await iterator.next()
    XCTAssertNil(after)
    return count.value
  }

  private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    var value: Int { lock.withLock { count } }

    func next() -> Int {
      lock.withLock {
        count += 1
        return count
      }
    }
  }

  func testCancellationEndsThePages() async throws {
    let pages = PagedSequence<Int> { cursor in
      try? await Task.sleep(nanoseconds: 100_000_000)
      return ([], (cursor ?? "") + "x")
    }
    let task = Task { for try await _ in pages {} }
    task.cancel()
    let canceled = try await result(of: task)
    XCTAssertThrowsError(try canceled.get()) { XCTAssertEqual(($0 as? APIError)?.kind, .canceled) }
  }

  /// Returns its pages for a list request, and for any other request its own JSON.
  private final class Shelf: UnaryTransport, @unchecked Sendable {
    struct PageError: Swift.Error {}

    private let pages: [[String]]
    private let failing: Int?
    private let lock = NSLock()
    private var calls: [String] = []

    init(pages: [[String]], failing: Int? = nil) {
      self.pages = pages
      self.failing = failing
    }

    var log: [String] { lock.withLock { calls } }

    func unary<Input: Message, Output: Message>(
      _ method: MethodDescriptor, _ input: Input, options: CallOptions
    ) async throws(APIError) -> Response<Output> {
      do { return try answer(method, input, options) } catch {
        throw APIError(.unavailable, "no page", underlying: error)
      }
    }

    private func answer<Input: Message, Output: Message>(
      _ method: MethodDescriptor, _ input: Input, _ options: CallOptions
    ) throws -> Response<Output> {
      let json: String
      switch input {
      case let request as ListBooksRequest:
        lock.withLock { calls.append("\(request.cursor ?? "first") \(request.limit ?? 0)") }
        let page = Int(request.cursor ?? "0") ?? 0
        if page == failing { throw PageError() }
        let books = pages[page].map { #"{"id":"\#($0)"}"# }.joined(separator: ",")
        let next = page + 1 < pages.count ? #","place":{"nextCursor":"\#(page + 1)"}"# : ""
        json = #"{"books":[\#(books)]\#(next)}"#
      case let request as BooksByTitleRequest:
        let page = Int(request.pageToken) ?? 0
        let ids = pages[page].map { #""\#($0)""# }.joined(separator: ",")
        json =
          #"{"ids":[\#(ids)],"nextPageToken":"\#(page + 1 < pages.count ? "\(page + 1)" : "")"}"#
      default: json = String(decoding: try input.jsonUTF8(), as: UTF8.self)
      }
      var headers = options.headers
      headers["x-method"] = method.procedure
      return Response(body: try Output(jsonUTF8: Data(json.utf8)), headers: headers)
    }
  }
}
